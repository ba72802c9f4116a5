//! One binary for every CPU: plain loops, compiled once more for the widest vectors that this machine has.

/// Runs `body` compiled for the widest vector instructions of this CPU.
///
/// Works on what the compiler inlines into `body`: mark the hot loops `#[inline(always)]`, closures too, and call
/// functions there. One that is handed on, as in `option.map(parse)`, is compiled for any CPU. The loops stay plain
/// Rust, so that every version computes the same.
#[inline]
pub fn widest<R>(body: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        #[cfg(has_avx512)]
        if x86::has_avx512() {
            // SAFETY: the CPU has every feature that the function was compiled for.
            return unsafe { x86::with_avx512(body) };
        }
        if x86::has_avx2() {
            // SAFETY: as above.
            return unsafe { x86::with_avx2(body) };
        }
    }
    body()
}

/// Asks the CPU to bring a cache line that will be needed soon.
#[inline(always)]
pub fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program can see, whatever the address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    /// A function that says whether this CPU has all of the features, and one that is compiled for them.
    macro_rules! version {
        ($has:ident, $with:ident: $($feature:tt)*) => {
            pub fn $has() -> bool {
                $(is_x86_feature_detected!($feature))&&*
            }

            /// # Safety
            /// The CPU must have the features.
            $(#[target_feature(enable = $feature)])*
            pub unsafe fn $with<R>(body: impl FnOnce() -> R) -> R {
                body()
            }
        };
    }

    version!(has_avx2, with_avx2: "avx2" "bmi1" "bmi2" "lzcnt" "popcnt");
    #[cfg(has_avx512)]
    version!(has_avx512, with_avx512:
        "avx512f" "avx512dq" "avx512cd" "avx512bw" "avx512vl" "avx512vbmi" "bmi1" "bmi2" "lzcnt" "popcnt");
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_widest_version_computes_the_same() {
        let sum = |n: u64| (0..n).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).fold(0, u64::wrapping_add);
        assert_eq!(super::widest(|| sum(1000)), sum(1000));
    }
}
