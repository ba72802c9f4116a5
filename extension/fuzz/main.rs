//! Feeds images that nobody wrote to every decoder, and asks of what is accepted that every law holds.
//!
//! `cargo test` runs a few, `make fuzz` ten million. Every case follows from the seed and its number, so that one that
//! failed can be repeated alone: `FUZZ_SEED=1 FUZZ_FIRST=12345 FUZZ_CASES=1 cargo test --test fuzz`; `FUZZ_DECODER=theta`
//! gives all cases to one decoder. Files in
//! `tests/fuzz/past` are images that once made something fail, or that look as if they could: they are tried first.

mod allocation;
mod decoder;
mod druid_histogram;
mod field;
mod histogram;
mod hll;
mod hyper_unique;
mod mutation;
mod proofs;
mod random;
mod theta;
mod top_k;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use decoder::{Checked, DECODERS, Decoder};
use mutation::mutate;
use random::Random;

/// How many cases `cargo test` runs.
const CASES: u64 = 20_000;
const SEED: u64 = 1;
/// How many sound images each decoder starts from.
const SOUND: usize = 400;
/// After so many failures it ends.
const MOST_FAILURES: usize = 10;
const REPORT_EVERY: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|_| {})); // reported with the case
    let fuzz = Fuzz::new();
    // What is made once is not counted.
    DECODERS.iter().zip(&fuzz.sound).for_each(|(decoder, sound)| {
        let _ = sound.iter().try_for_each(|image| guarded(decoder, image, image).map(|_| ()));
    });
    let replayed = fuzz.replay(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fuzz/past")));
    fuzz.run();
    let failures = fuzz.failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (i, decoder) in DECODERS.iter().enumerate() {
        let (tried, accepted) = (fuzz.tried[i].load(Ordering::Relaxed), fuzz.accepted[i].load(Ordering::Relaxed));
        println!("{}: {tried} cases, of which {accepted} were accepted", decoder.name);
    }
    println!("{replayed} past images, {} new cases from seed {}, {} failures", fuzz.cases, fuzz.seed, failures.len());
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Fuzz {
    seed: u64,
    first: u64,
    cases: u64,
    threads: u64,
    /// The only decoder to be tried; all of them without one.
    only: Option<usize>,
    /// Of each decoder sound images, the short ones first.
    sound: Vec<Vec<Vec<u8>>>,
    done: AtomicU64,
    tried: Vec<AtomicU64>,
    accepted: Vec<AtomicU64>,
    failures: Mutex<Vec<String>>,
}

impl Fuzz {
    fn new() -> Self {
        let seed = setting("FUZZ_SEED", SEED);
        let counters = || DECODERS.iter().map(|_| AtomicU64::new(0)).collect();
        Fuzz {
            seed,
            first: setting("FUZZ_FIRST", 0),
            cases: setting("FUZZ_CASES", CASES),
            threads: setting("FUZZ_THREADS", thread::available_parallelism().map_or(1, |cores| cores.get() as u64)),
            only: env::var("FUZZ_DECODER").ok().map(|name| decoder_named(&name)),
            sound: DECODERS.iter().map(sound_images).collect(),
            done: AtomicU64::new(0),
            tried: counters(),
            accepted: counters(),
            failures: Mutex::new(Vec::new()),
        }
    }

    /// Tries the images of a folder: their names start with that of the decoder, or with `any`.
    fn replay(&self, folder: &Path) -> usize {
        let mut paths: Vec<_> = fs::read_dir(folder).expect("the folder of past images").flatten().collect();
        paths.sort_by_key(|entry| entry.file_name());
        for entry in &paths {
            let bytes = fs::read(entry.path()).expect("a past image");
            for (i, decoder) in DECODERS.iter().enumerate() {
                for other in self.sound[i].iter().step_by(SOUND / 8) {
                    if let Err(broken) = guarded(decoder, &bytes, other) {
                        self.fail(format!("{:?} as {}: {broken}", entry.file_name(), decoder.name));
                    }
                }
            }
        }
        paths.len()
    }

    fn run(&self) {
        let start = Instant::now();
        thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads).map(|thread| scope.spawn(move || self.work(thread))).collect();
            let mut reported = start;
            while !workers.iter().all(|worker| worker.is_finished()) {
                thread::sleep(Duration::from_millis(20));
                if reported.elapsed() > REPORT_EVERY {
                    reported = Instant::now();
                    let done = self.done.load(Ordering::Relaxed);
                    println!("{done} of {} cases after {} s", self.cases, start.elapsed().as_secs());
                }
            }
        });
    }

    fn work(&self, thread: u64) {
        for case in (self.first..self.first + self.cases).skip(thread as usize).step_by(self.threads as usize) {
            if self.failures.lock().unwrap_or_else(PoisonError::into_inner).len() >= MOST_FAILURES {
                return;
            }
            self.try_case(case);
            self.done.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn try_case(&self, case: u64) {
        let mut random = Random::of_case(self.seed, case);
        let any = random.below(DECODERS.len());
        let of = self.only.unwrap_or(any);
        let decoder = &DECODERS[of];
        // Now and then the image of another decoder.
        let source = if random.one_in(50) { random.below(DECODERS.len()) } else { of };
        let mut image = match random.below(3) {
            0 => (DECODERS[source].wild)(&mut random),
            _ => self.any_sound(source, &mut random).to_vec(),
        };
        let other = self.any_sound(of, &mut random);
        mutate(&mut image, DECODERS[source].fields, other, &mut random);
        let checked = guarded(decoder, &image, other);
        self.tried[of].fetch_add(1, Ordering::Relaxed);
        match checked {
            Ok(accepted) => drop(self.accepted[of].fetch_add(u64::from(accepted), Ordering::Relaxed)),
            Err(broken) => {
                let path = env::temp_dir().join(format!("{}-{case}.bin", decoder.name));
                let kept =
                    fs::write(&path, &image).map_or_else(|error| error.to_string(), |()| path.display().to_string());
                self.fail(format!(
                    "{}, seed {}, case {case}, {} bytes ({kept}): {broken}",
                    decoder.name,
                    self.seed,
                    image.len()
                ));
            }
        }
    }

    /// Mostly a short one: these are the fastest.
    fn any_sound(&self, decoder: usize, random: &mut Random) -> &[u8] {
        let images = &self.sound[decoder];
        let most = if random.one_in(500) { images.len() } else { images.len() * 7 / 8 };
        &images[random.below(most)]
    }

    fn fail(&self, what: String) {
        println!("FAILED: {what}");
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }
}

fn decoder_named(name: &str) -> usize {
    let names: Vec<_> = DECODERS.iter().map(|decoder| decoder.name).collect();
    let found = names.iter().position(|&other| other == name);
    found.unwrap_or_else(|| panic!("FUZZ_DECODER is {name:?}, and must be one of {}", names.join(", ")))
}

/// The same in every run, whatever the seed.
fn sound_images(decoder: &Decoder) -> Vec<Vec<u8>> {
    let mut images: Vec<_> = (0..SOUND).map(|i| (decoder.sound)(&mut Random::of_case(0, i as u64))).collect();
    images.sort_by_key(Vec::len);
    images
}

/// A panic is a broken law.
fn guarded(decoder: &Decoder, image: &[u8], other: &[u8]) -> Checked {
    catch_unwind(AssertUnwindSafe(|| (decoder.check)(image, other))).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        let message = message.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(format!("it panicked: {}", message.unwrap_or_default()))
    })
}

fn setting(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(number) => number.parse().unwrap_or_else(|_| panic!("{name} is {number:?}, and must be a number")),
        Err(_) => default,
    }
}
