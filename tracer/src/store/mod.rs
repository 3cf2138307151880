//! Recordings: SQLite files that survive the death of their writer and that anyone can query.
//!
//! [`Writer`] makes one, [`Reader`] turns one into a [`Document`](crate::model::Document) and
//! trusts nothing in it. The tables are described in `docs/recording.md`. The only module that
//! names rusqlite.

mod alive;
mod counter_class;
mod create;
mod error;
mod intern;
mod load;
mod mark;
mod note;
mod open;
mod row;
mod schema;
mod writer;

#[cfg(test)]
mod tests;

pub use alive::is_running;
pub use error::StoreError;
pub use load::Limits;
pub use mark::{MAX_NAME, mark};
pub use open::Reader;
pub use row::{FileOwner, Overwrite};
pub use schema::{APPLICATION_ID, SCHEMA_VERSION, TABLES};
pub use writer::Writer;
