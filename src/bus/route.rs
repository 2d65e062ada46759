//! Which server of a cluster to talk to.
//!
//! The client leaves a server that ends the connection. Of the others it chooses one at random, among those that it
//! failed to reach least often; a server that hangs, or that is cut off from its peers, has not failed in that sense, and
//! may well be chosen again. And a server that is cut off from its peers keeps its clients, and can do nothing for them.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_nats::{ReconnectToServer, Server, ServerAddr};
use tokio::time::Instant;

/// How long a server may leave what it is asked for undone before another one is tried: longer than one answer that was
/// lost, shorter than an election.
const OF_NO_USE: Duration = Duration::from_secs(3);

/// How long at most, where moving did not help: then it is no matter of the server.
const LONGEST: Duration = Duration::from_secs(60);

/// Chooses the server to connect to.
#[derive(Debug, Default)]
pub(super) struct Route(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    /// Where the connection stood last, as far as is known.
    left: Option<ServerAddr>,
    /// What was chosen since; nobody says whether it took us.
    chosen: Option<ServerAddr>,
}

impl Route {
    /// The server to try next: any other rather than the one that was left. None for the first connection: then the
    /// client goes through all of them by itself.
    pub(super) fn next(&self, servers: &[Server]) -> Option<ReconnectToServer> {
        let mut places = held(&self.0);
        let first = servers.iter().find(|server| server.did_connect)?;
        let took_us = |address: &ServerAddr| {
            let mut servers = servers.iter();
            servers.any(|server| server.addr == *address && server.failed_attempts == 0)
        };
        let left = places.chosen.take().filter(took_us).or(places.left.take());
        let left = left.unwrap_or(first.addr.clone());
        let next = servers.iter().min_by_key(|server| {
            let reluctance = server.failed_attempts + usize::from(server.addr == left);
            (reluctance, rand::random::<u32>())
        })?;
        let addr = next.addr.clone();
        *places = Places {
            left: Some(left),
            chosen: Some(addr.clone()),
        };
        Some(ReconnectToServer { addr, delay: None })
    }
}

/// What a server is asked for. One that is cut off from its peers still knows the consumer that it led, and stores
/// nothing; so each is judged for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// To say what there is.
    Look,
    /// To store a message.
    Publish,
}

/// Since when the server has not done what it was asked for.
#[derive(Debug, Default)]
pub(super) struct Usefulness(Mutex<Idleness>);

#[derive(Debug, Default)]
struct Idleness {
    look_since: Option<Instant>,
    publish_since: Option<Instant>,
    moves: u32,
}

impl Usefulness {
    /// Notes whether the server has done what it was asked for at this time. Says for how long it has not, when that is
    /// long enough to look for another one; the longer, the more often that has not helped.
    pub(super) fn note(&self, asked_for: Use, at: Instant, is_done: bool) -> Option<Duration> {
        let mut idleness = held(&self.0);
        let since = match asked_for {
            Use::Look => &mut idleness.look_since,
            Use::Publish => &mut idleness.publish_since,
        };
        if is_done {
            *since = None;
            if idleness.look_since.is_none() && idleness.publish_since.is_none() {
                idleness.moves = 0;
            }
            return None;
        }
        let for_so_long = since.get_or_insert(at).elapsed();
        let bearable = OF_NO_USE.saturating_mul(1 << idleness.moves.min(6)).min(LONGEST);
        // With jitter, so that not all clients of a server leave it at once.
        if for_so_long < bearable.mul_f64(rand::random_range(1.0..1.25)) {
            return None;
        }
        *idleness = Idleness {
            moves: idleness.moves + 1,
            ..Default::default()
        };
        Some(for_so_long)
    }

    /// Begins anew, with another server; or with none, whose answers nobody expects.
    pub(super) fn forget(&self) {
        let mut idleness = held(&self.0);
        (idleness.look_since, idleness.publish_since) = (None, None);
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(port: u16, failed_attempts: usize, did_connect: bool) -> Server {
        Server {
            addr: format!("nats://127.0.0.1:{port}").parse().expect("an address"),
            failed_attempts,
            did_connect,
            is_discovered: false,
            last_error: None,
        }
    }

    fn next(route: &Route, servers: &[Server]) -> Option<u16> {
        route.next(servers).map(|next| next.addr.port())
    }

    #[test]
    fn the_first_connection_is_left_to_the_client() {
        assert_eq!(
            next(&Route::default(), &[server(1, 0, false), server(2, 3, false)]),
            None
        );
    }

    #[test]
    fn the_server_that_was_left_comes_last() {
        for _ in 0..50 {
            let route = Route::default();
            let mut servers = [server(1, 0, true), server(2, 0, false), server(3, 0, false)];
            let second = next(&route, &servers).expect("another");
            assert_ne!(second, 1);
            // It does not take us, so the first is still the one that was left.
            servers[usize::from(second) - 1].failed_attempts = 1;
            let third = next(&route, &servers).expect("the third");
            assert_eq!(third, 5 - second);
            // This one does, and is left in turn.
            servers[usize::from(third) - 1].did_connect = true;
            assert_eq!(next(&route, &servers), Some(1));
        }
    }

    #[test]
    fn what_is_left_is_better_than_what_cannot_be_reached() {
        let servers = [server(1, 0, true), server(2, 2, false), server(3, 2, false)];
        assert_eq!(next(&Route::default(), &servers), Some(1));
        assert_eq!(
            next(&Route::default(), &servers[..1]),
            Some(1),
            "where there is one only"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_nothing_for_long_is_left_later_each_time() {
        let usefulness = Usefulness::default();
        let mut waits = Vec::new();
        for _ in 0..8 {
            let began = Instant::now();
            while usefulness.note(Use::Publish, began, false).is_none() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            waits.push(began.elapsed());
        }
        assert!(waits[0] >= OF_NO_USE && waits[0] < 2 * OF_NO_USE, "{waits:?}");
        assert!(
            waits.is_sorted_by(|one, next| one < next || *one >= LONGEST),
            "{waits:?}"
        );
        assert!(waits[7] < LONGEST.mul_f64(1.3), "{waits:?}");
        usefulness.note(Use::Publish, Instant::now(), true);
        tokio::time::sleep(OF_NO_USE).await;
        let again = usefulness.note(Use::Publish, Instant::now() - 2 * OF_NO_USE, false);
        assert!(again.is_some(), "as at the beginning");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_no_excuse_for_not_storing() {
        let usefulness = Usefulness::default();
        let began = Instant::now();
        usefulness.note(Use::Publish, began, false);
        tokio::time::sleep(2 * OF_NO_USE).await;
        assert_eq!(usefulness.note(Use::Look, began, true), None);
        assert!(usefulness.note(Use::Publish, Instant::now(), false).is_some());
    }
}
