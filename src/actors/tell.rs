//! A [`Line`] to another actor, with `tell`: it never waits, never loses a message silently, and counts what is queued.
//!
//! actix' raw `do_send` ignores the queue's limit and says nothing when the receiver is gone, so it is a lint error
//! elsewhere. Here the first is argued (receivers merge in O(1), so a queue cannot outgrow the cluster) and the second
//! mended. Watch pumps use [`Line::pass`] and [`Line::send`], which wait: back-pressure reaches the watch.
use crate::cluster::watch::Delivery;
use actix::{Message, Recipient};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tracing::error;

/// Messages that may wait for an actor before [`Line::pass`] waits, too.
const AHEAD: usize = 16;

/// Messages that found no receiver, over the life of the process.
static LOST: AtomicU64 = AtomicU64::new(0);

/// How many messages wait in the queue of one actor. Shared by all lines to it and by its shell.
#[derive(Clone, Debug, Default)]
pub struct QueueDepth(Arc<AtomicUsize>);

impl QueueDepth {
    /// A message was put in.
    fn entered(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// A message was taken out, by its handler.
    pub fn left(&self) {
        // Saturating: a message that a test sends past the lines must not wrap the count.
        let less = |depth: usize| Some(depth.saturating_sub(1));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).unwrap_or_default();
    }

    /// Messages that wait now.
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A way to send messages of one type to one actor.
pub struct Line<M: Message + Send + 'static>
where
    M::Result: Send,
{
    to: Recipient<M>,
    depth: QueueDepth,
}

impl<M: Message + Send + 'static> Clone for Line<M>
where
    M::Result: Send,
{
    fn clone(&self) -> Self {
        Self { to: self.to.clone(), depth: self.depth.clone() }
    }
}

impl<M: Message + Send + 'static> Line<M>
where
    M::Result: Send,
{
    /// A line to `to`, whose shell holds the same `depth`.
    pub fn new(to: Recipient<M>, depth: QueueDepth) -> Self {
        Self { to, depth }
    }

    /// Sends without waiting; a receiver that is gone is counted and said.
    pub fn tell(&self, message: M) {
        if self.to.connected() {
            self.depth.entered();
            #[allow(clippy::disallowed_methods, reason = "this is the one wrapper")]
            self.to.do_send(message);
        } else {
            let lost = LOST.fetch_add(1, Ordering::Relaxed) + 1;
            // A pulse tells of the panic behind this; at the end of the process it is normal. So: powers of two only.
            if lost.is_power_of_two() {
                error!(message = std::any::type_name::<M>(), lost, "a message found no receiver");
            }
        }
    }

    /// Sends if there is room; otherwise the message is dropped and told so.
    pub fn offer(&self, message: M) -> Result<(), QueueFull> {
        if !self.to.connected() {
            return Ok(()); // nobody will ever look at it
        }
        self.to.try_send(message).map_err(|_| QueueFull)?;
        self.depth.entered();
        Ok(())
    }

    /// Sends, and waits until it was handled if the receiver is behind. To wait for each one costs the sender a turn of its
    /// own after the receiver's.
    pub async fn pass(&self, message: M) -> Delivery {
        if self.depth.get() >= AHEAD || !self.to.connected() {
            return self.send(message).await;
        }
        self.tell(message);
        Delivery::Taken
    }

    /// Sends and waits until it was handled.
    pub async fn send(&self, message: M) -> Delivery {
        self.depth.entered();
        match self.to.send(message).await {
            Ok(_) => Delivery::Taken,
            Err(_) => Delivery::NobodyThere,
        }
    }
}

/// The receiver's queue has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFull;

/// How many messages found no receiver.
pub fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix::prelude::*;

    struct Receiver(QueueDepth);
    impl Actor for Receiver {
        type Context = Context<Self>;
    }
    #[derive(Message)]
    #[rtype(result = "()")]
    struct Hello;
    impl Handler<Hello> for Receiver {
        type Result = ();
        fn handle(&mut self, _: Hello, ctx: &mut Context<Self>) {
            self.0.left();
            ctx.stop();
        }
    }

    #[test]
    fn what_waits_is_counted_and_a_receiver_that_is_gone_is_noticed() {
        System::new().block_on(async {
            let depth = QueueDepth::default();
            let line = Line::new(Receiver(depth.clone()).start().recipient(), depth.clone());
            line.tell(Hello);
            assert_eq!(depth.get(), 1, "nobody has handled it yet");
            assert_eq!(line.send(Hello).await, Delivery::NobodyThere, "the first one stopped the receiver");
            assert_eq!(line.pass(Hello).await, Delivery::NobodyThere);
            let before = lost();
            line.tell(Hello);
            assert!(lost() > before);
            assert_eq!(line.offer(Hello), Ok(()), "an observation of nobody is no error");
        });
    }

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Number(usize);
    struct Slow(QueueDepth, Vec<usize>);
    impl Actor for Slow {
        type Context = Context<Self>;
    }
    impl Handler<Number> for Slow {
        type Result = ();
        fn handle(&mut self, Number(number): Number, _: &mut Context<Self>) {
            self.0.left();
            self.1.push(number);
        }
    }
    #[derive(Message)]
    #[rtype(result = "Vec<usize>")]
    struct Seen;
    impl Handler<Seen> for Slow {
        type Result = MessageResult<Seen>;
        fn handle(&mut self, _: Seen, _: &mut Context<Self>) -> Self::Result {
            MessageResult(self.1.clone())
        }
    }

    #[test]
    fn a_sender_waits_for_a_receiver_that_is_behind_and_nothing_changes_its_order() {
        System::new().block_on(async {
            let depth = QueueDepth::default();
            let slow = Slow(depth.clone(), Vec::new()).start();
            let line = Line::new(slow.clone().recipient(), depth.clone());
            // One thread: the receiver does nothing before the sender waits.
            for number in 0..AHEAD {
                assert_eq!(line.pass(Number(number)).await, Delivery::Taken);
            }
            assert_eq!(depth.get(), AHEAD, "nobody had to wait so far");
            assert_eq!(line.pass(Number(AHEAD)).await, Delivery::Taken);
            assert_eq!(depth.get(), 0, "the last one waited for its turn");
            assert_eq!(slow.send(Seen).await.unwrap(), (0..=AHEAD).collect::<Vec<_>>());
        });
    }
}
