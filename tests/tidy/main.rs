//! Rules of the repository, as tests: what a reviewer would otherwise have to remember. They need no servers.

mod configuration;
mod contract;
mod dependencies;
mod manifests;
mod migrations;
mod peers;
mod registries;
mod repository;
mod sources;
