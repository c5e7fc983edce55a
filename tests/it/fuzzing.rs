//! The laws of `fuzz/laws` on the corpus of each target and on inputs that are made of it: as the fuzzer tries them, but the same in
//! every run.

use std::{
    fs,
    path::{Path, PathBuf},
};

use fastrand::Rng;

use self::laws::{TARGETS, Target};

#[path = "../../fuzz/laws/mod.rs"]
pub mod laws;

/// The seed of all that is made; printed where a law is broken.
const SEED: u64 = 15;
/// The changes of one input at most.
const CHANGES: usize = 6;
/// The longest input, in bytes.
const LONGEST: usize = 4096;
/// The most bytes of all corpora together.
const CORPORA: u64 = 200 * 1024;
/// Bytes and words that parsers give a meaning.
const WORDS: [&[u8]; 24] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\"",
    b"\\",
    b",",
    b"=",
    b":",
    b"-",
    b".",
    b"0",
    b"9",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\xff",
    b"\xc3\xa4",
    b"\xe2\x80\xae",
    b"null",
    b"1e9",
    b"-1",
    b"4111111111111111",
    b"9223372036854775807",
];

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// The inputs of a target that are kept, in the order of their names.
fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(corpora().join(target.name)).unwrap_or_else(|error| panic!("{}: {error}", target.name));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// An input that differs from one of the corpus in a few places, or takes its end from another.
fn made(corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut input = rng.choice(corpus).cloned().unwrap_or_default();
    for _ in 0..rng.usize(1..=CHANGES) {
        let place = rng.usize(0..=input.len());
        let end = rng.usize(place..=input.len());
        match rng.u8(0..6) {
            0 if place < input.len() => input[place] = rng.u8(..),
            1 if place < input.len() => input[place] ^= 1 << rng.u8(0..8),
            2 => drop(input.splice(place..end.min(place + 8), rng.choice(WORDS).unwrap_or_default().iter().copied())),
            3 => input.truncate(place),
            4 => input.extend_from_within(place..end),
            _ => {
                let other = rng.choice(corpus).map_or(&[][..], Vec::as_slice);
                input.truncate(place);
                input.extend_from_slice(&other[rng.usize(0..=other.len())..]);
            }
        }
    }
    input.truncate(LONGEST);
    input
}

/// Tries the law on the input; where it is broken, says how to try it again.
fn try_law(target: &Target, what: &str, input: &[u8]) {
    let tried = std::panic::catch_unwind(|| (target.law)(input));
    if let Err(broken) = tried {
        println!("the law of {} is broken by {what}: {:?}", target.name, input.escape_ascii().to_string());
        std::panic::resume_unwind(broken);
    }
}

fn keeps_its_law(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let corpus = corpus(target);
    assert!(!corpus.is_empty(), "{name} has no corpus");
    corpus.iter().for_each(|input| try_law(target, "its corpus", input));
    let mut rng = Rng::with_seed(SEED);
    for number in 0..target.inputs {
        let input = made(&corpus, &mut rng);
        try_law(target, &format!("input {number} of the seed {SEED}"), &input);
    }
}

/// A test of each target, so that they run beside each other; another test finds one that is missing.
macro_rules! targets {
    ($($name:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];
        mod law_is_kept_by {
            $(#[test] fn $name() { super::keeps_its_law(stringify!($name)); })*
        }
    };
}

targets! {
    amounts_sent api_keys commerce_answers commerce_callbacks credentials env_files forwarded_for intents_answers
    intents_callbacks list_values money page_tokens proxy_headers reference_files requests risk_rules sandbox_memories sandbox_requests
    settings traces web_frames
}

#[test]
fn every_target_is_tested_and_its_corpus_is_small() {
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names, TESTED);
    let folders = fs::read_dir(corpora()).unwrap().map(|entry| entry.unwrap());
    let mut size = 0;
    for folder in folders {
        assert!(names.contains(&&*folder.file_name().to_string_lossy()), "{folder:?} is the corpus of no target");
        size += fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum::<u64>();
    }
    assert!(size <= CORPORA, "{size} bytes of corpora");
}
