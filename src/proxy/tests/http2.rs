//! HTTP/2 with clients and servers, end to end: what the protocol demands, floods, gRPC, WebSocket, the end. [`raw`] is
//! a client that can send anything.
mod drain;
mod floods;
mod flow;
mod grpc;
mod protocol;
mod raw;
mod streams;
mod web_socket;
