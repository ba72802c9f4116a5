//! Tells the crate what the compiler can do: it builds with Rust 1.85, and uses more where there is more.

use std::env;
use std::process::Command;

/// What is used where it is there, and the Rust that has it first.
const SINCE: [(&str, (u32, u32)); 2] = [
    ("has_select_unpredictable", (1, 88)),
    ("has_avx512", (1, 89)), // as a target feature
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let version = compiler_version().expect("the variable RUSTC names a Rust compiler that says its version");
    for (name, since) in SINCE {
        println!("cargo::rustc-check-cfg=cfg({name})");
        if version >= since {
            println!("cargo::rustc-cfg={name}");
        }
    }
}

/// Major and minor of `rustc 1.85.0 (4d91de4e4 2025-02-17)`.
fn compiler_version() -> Option<(u32, u32)> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut parts = text.strip_prefix("rustc ")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
