//! The crate as its users see it: laws of the lists, images, and fetching. The fuzz test is a binary of its own, as it counts the
//! memory of its whole process.

mod archives;
mod augment;
mod common;
mod fetch;
mod images;
mod laws;
mod server;
