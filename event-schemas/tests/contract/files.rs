//! The files of the contract: every schema and sample belongs to a line of the catalog, and once published it stays.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use event_schemas::state::StateSchema;
use event_schemas::{Entry, entries, state};
use sha2::{Digest, Sha256};

use crate::samples;

/// One version of one record type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version {
    /// Name of the folder: the domain, or `state`.
    pub(crate) folder: &'static str,
    /// Name of the type.
    pub(crate) name: &'static str,
    /// `v1`, `v1.1`, …
    pub(crate) version: &'static str,
    /// The text of its schema.
    pub(crate) schema: &'static str,
    /// Its line in the catalog; none for a state record.
    pub(crate) entry: Option<&'static Entry>,
}

impl Version {
    /// Where one of its files stands, from the root of the crate.
    pub(crate) fn file(&self, root: &str, extension: &str) -> PathBuf {
        Path::new(root).join(self.folder).join(format!("{}.{}.{extension}", self.name, self.version))
    }
}

/// Every version of every record type, events and commands before state records.
pub(crate) fn versions() -> impl Iterator<Item = Version> {
    let cataloged = entries().flat_map(|entry| {
        entry.schemas.iter().map(move |&(version, schema)| Version {
            folder: entry.domain.name(),
            name: entry.name,
            version,
            schema,
            entry: Some(entry),
        })
    });
    let state = state::SCHEMAS.into_iter().map(|StateSchema { record, text: schema, .. }| Version {
        folder: "state",
        name: record.rsplit_once('.').map_or(record, |(_, name)| name),
        version: "v1",
        schema,
        entry: None,
    });
    cataloged.chain(state)
}

/// An absolute path in this crate.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether missing files are to be written.
pub(crate) fn blessing() -> bool {
    std::env::var_os("BLESS").is_some_and(|it| it == "1")
}

fn on_disk(root: &str) -> BTreeSet<PathBuf> {
    let files = |folder: PathBuf| fs::read_dir(folder).expect("a folder of the contract");
    files(absolute(Path::new(root)))
        .flat_map(|folder| files(folder.expect("readable").path()))
        .map(|file| file.expect("readable").path())
        .map(|it| it.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("inside the crate").to_owned())
        .collect()
}

#[test]
fn every_schema_file_is_a_version_in_the_catalog_and_the_other_way_round() {
    let cataloged: BTreeSet<_> = versions().map(|it| it.file("avro", "avsc")).collect();
    assert_eq!(on_disk("avro"), cataloged);
}

#[test]
fn every_sample_file_belongs_to_a_version_and_the_other_way_round() {
    samples::bless();
    let cataloged: BTreeSet<_> =
        versions().flat_map(|it| [it.file("samples", "bin"), it.file("samples", "json")]).collect();
    assert_eq!(on_disk("samples"), cataloged, "`cargo xtask bless` writes missing samples");
}

#[test]
fn the_versions_of_a_type_are_in_order() {
    for entry in entries() {
        let versions: Vec<_> = entry.schemas.iter().map(|(version, _)| *version).collect();
        let expected: Vec<_> = (0..versions.len())
            .map(|minor| if minor == 0 { "v1".to_owned() } else { format!("v1.{minor}") })
            .collect();
        assert_eq!(versions, expected, "{}: v1, then v1.1, v1.2, …", entry.name);
    }
}

/// `contract.lock` has a line `<sha-256> <path>` for every file that was ever published.
#[test]
fn a_published_file_never_changes() {
    samples::bless();
    let lock = absolute(Path::new("contract.lock"));
    let mut text = fs::read_to_string(&lock).expect("contract.lock");
    let published: BTreeSet<PathBuf> =
        text.lines().filter_map(|it| it.split_once(' ')).map(|it| it.1.into()).collect();
    for line in text.lines() {
        let (digest, path) = line.split_once(' ').expect("a digest and a path");
        let bytes = fs::read(absolute(Path::new(path)))
            .unwrap_or_else(|error| panic!("{path} was published and must stay: {error}"));
        assert_eq!(sha256(&bytes), digest, "{path} was published and must not change; add a version instead");
    }
    let files = on_disk("avro").into_iter().chain(on_disk("samples"));
    for path in files.filter(|it| !published.contains(it)) {
        assert!(blessing(), "{} has no digest; `cargo xtask bless` adds it", path.display());
        let digest = sha256(&fs::read(absolute(&path)).expect("readable"));
        text.push_str(&format!("{digest} {}\n", path.display()));
    }
    if blessing() {
        fs::write(lock, text).expect("contract.lock is writable");
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|it| format!("{it:02x}")).collect()
}
