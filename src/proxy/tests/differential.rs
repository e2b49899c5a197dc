//! 5,000 generated requests, good and bad, against an oracle that was written from spec/http.md alone: what is refused and
//! how, and what the server gets of the others. Exactly one request reaches it, with the framing and the body that the
//! client meant; whatever stands behind it on the connection is a request of its own.
mod case;
mod oracle;

use super::rig::*;
use crate::model::plan::{HostHeader, Scheme};
use case::{Case, Dice};
use oracle::{Framing, Then, Want};

const PER_SEED: usize = 1_000;
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n";

async fn said(client: &mut Client, name: &str) -> String {
    let answer = client.message(false).await.unwrap_or_else(|| panic!("no answer behind {name}"));
    answer.text().to_owned()
}

async fn run_seed(seed: u64) {
    // Names what it was asked, so that answers cannot be mixed up.
    let origin = Origin::replying(|request| ok(request.first_line().as_bytes())).await;
    let options = ["--entrypoints.web.http.maxheaderbytes=8192"];
    let rig = Rig::with(&options, plan([server(Scheme::Http, origin.address)], HostHeader::Pass));
    let mut dice = Dice::new(seed);
    let mut accepted = 0;
    for number in 0..PER_SEED {
        let case = Case::roll(&mut dice);
        let want = oracle::judge(&case);
        let name = format!("seed {seed}, number {number}: {:?}", String::from_utf8_lossy(&case.bytes()));
        let mut client = rig.client().await;
        if dice.roll(2) == 0 {
            client.send(NEXT).await;
            assert_eq!(client.answer().await.text(), "GET /next HTTP/1.1", "{name}");
        }
        let before = origin.seen.borrow().len();
        let mut bytes = case.bytes();
        let pipelined = dice.roll(2) == 0;
        if pipelined {
            bytes.extend(NEXT.as_bytes());
        }
        // A refusal may come, and the connection end, while it is still being sent.
        drop(tokio::io::AsyncWriteExt::write_all(&mut client.tcp, &bytes).await);
        let answer = client.message(false).await.unwrap_or_else(|| panic!("no answer to {name}"));
        let status = answer.status();
        match want {
            Want::Forwarded(wanted) => {
                accepted += 1;
                assert_eq!(status, 200, "{name}");
                assert_eq!(answer.text(), wanted.first_line, "{name}");
                let seen = origin.seen.borrow().get(before).cloned().unwrap();
                assert_eq!(seen.header("host"), Some(wanted.host), "{name}");
                let framing = (seen.header("content-length"), seen.header("transfer-encoding"));
                match wanted.framing {
                    Framing::Absent => assert_eq!(framing, (None, None), "{name}"),
                    Framing::Length(length) => assert_eq!(framing, (Some(length.to_string()), None), "{name}"),
                    Framing::Chunked => assert_eq!(framing, (None, Some("chunked".to_owned())), "{name}"),
                }
                assert_eq!(seen.body, wanted.body, "{name}");
                if wanted.then == Then::Ends {
                    assert_eq!(client.rest().await, b"", "{name}");
                    assert_eq!(origin.seen.borrow().len(), before + 1, "{name}");
                    continue;
                }
                if !pipelined {
                    client.send(NEXT).await;
                }
                assert_eq!(said(&mut client, &name).await, "GET /next HTTP/1.1", "behind {name}");
                assert_eq!(origin.seen.borrow().len(), before + 2, "{name}");
            }
            Want::Refused(statuses) => {
                assert!(statuses.contains(&status), "{status} instead of {statuses:?} for {name}");
                // 404 and 200 are answers to good heads: the connection goes on, and the next request is the next one.
                // So is what is refused for its target alone.
                let is_good = matches!(status, 200 | 404) || answer.text().is_empty() && status == 400;
                if is_good && case.body != case::Body::Nothing {
                    // Nobody reads the body, which may end the connection. What follows must not reach the server later on.
                    if pipelined {
                        drop(client.message(false).await);
                    }
                    assert!(origin.seen.borrow().len() <= before + 1, "{name}");
                } else if is_good {
                    if !pipelined {
                        client.send(NEXT).await;
                    }
                    assert_eq!(said(&mut client, &name).await, "GET /next HTTP/1.1", "behind {name}");
                    assert_eq!(origin.seen.borrow().len(), before + 1, "{name}");
                } else {
                    assert_eq!(client.rest().await, b"", "{name}");
                    assert_eq!(origin.seen.borrow().len(), before, "something of it reached the server: {name}");
                }
            }
            Want::Either => {}
        }
    }
    assert!((PER_SEED / 10..PER_SEED * 9 / 10).contains(&accepted), "{accepted} accepted: the mixture is off");
    rig.stop().await;
}

#[test]
fn heads_of_seed_1_are_read_as_the_specification_says() {
    run(run_seed(1));
}

#[test]
fn heads_of_seed_2_are_read_as_the_specification_says() {
    run(run_seed(2));
}

#[test]
fn heads_of_seed_3_are_read_as_the_specification_says() {
    run(run_seed(3));
}

#[test]
fn heads_of_seed_4_are_read_as_the_specification_says() {
    run(run_seed(4));
}

#[test]
fn heads_of_seed_5_are_read_as_the_specification_says() {
    run(run_seed(5));
}
