//! What whole-program tests share: a world with an API server, the program and origins, all on loopback and port 0.
pub mod http;
pub mod objects;
pub mod origin;
pub mod tls;
pub mod world;
