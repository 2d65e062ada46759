//! The threads that read: a few, and each takes the next text as soon as it is through with one.
//!
//! A text that comes while all are busy is put down in a queue, and picked up there by the thread itself. Handing each to
//! a thread that waits for it would put the thread to sleep and wake it again, for every text.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
};

/// Something to be read.
type Job = Box<dyn FnOnce() + Send>;

/// How long a thread stays that has nothing to read.
const STAYS: Duration = Duration::from_secs(60 * 60);

/// The threads, and what waits for them.
///
/// They are always the same ones. A thread keeps two megabytes of what it has freed, and the words that it knows; those
/// of the async runtime take turns, and each that has read once keeps as much.
pub struct Readers {
    most: usize,
    state: Mutex<State>,
    /// None where it cannot be had: then they are those of the async runtime after all.
    threads: Option<Runtime>,
}

#[derive(Default)]
struct State {
    threads: usize,
    waiting: VecDeque<Job>,
}

/// The job panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;

impl Readers {
    /// So many threads at most.
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        let threads = Builder::new_current_thread()
            .max_blocking_threads(most)
            .thread_keep_alive(STAYS)
            .thread_name("reader")
            .build();
        Self {
            most,
            state: Mutex::default(),
            threads: threads.ok(),
        }
    }

    /// On threads of the async runtime, whose clock, where it is paused, waits for them alone.
    #[cfg(test)]
    pub fn of_this_runtime(most: usize) -> Self {
        let mut readers = Self::new(most);
        if let Some(threads) = readers.threads.take() {
            threads.shutdown_background();
        }
        readers
    }

    /// Does a job on one of the threads, in its turn. Dropped while it waits for its turn, the job is not done; dropped
    /// later, it is finished.
    pub async fn run<T, F>(self: &Arc<Self>, job: F) -> Result<T, Panicked>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        self.put(Box::new(move || {
            if tell.is_closed() {
                return;
            }
            // Whoever waited may have gone meanwhile.
            let _ = tell.send(catch_unwind(AssertUnwindSafe(job)));
        }));
        match told.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) | Err(_) => Err(Panicked),
        }
    }

    /// Puts a job down, and starts a thread unless all are at work: these come for it.
    fn put(self: &Arc<Self>, job: Job) {
        let mut state = self.state();
        state.waiting.push_back(job);
        if state.threads < self.most {
            state.threads += 1;
            drop(state);
            let readers = self.clone();
            let read = move || {
                while let Some(job) = readers.next() {
                    job();
                }
            };
            match &self.threads {
                Some(threads) => drop(threads.spawn_blocking(read)),
                None => drop(tokio::task::spawn_blocking(read)),
            }
        }
    }

    /// The next job; without one the thread that asks is no longer counted.
    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        let job = state.waiting.pop_front();
        if job.is_none() {
            state.threads -= 1;
        }
        job
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Readers {
    /// Without waiting for what is being read, which nobody may do in async code.
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn jobs_are_done_in_turn_and_a_panic_costs_only_its_own() {
        let readers = Arc::new(Readers::new(1));
        let (say, said) = mpsc::channel();
        let jobs = (0..5).map(|n| {
            let say = say.clone();
            readers.run(move || {
                assert_ne!(n, 2, "on purpose");
                say.send(n).unwrap();
                n
            })
        });
        let done = futures::future::join_all(jobs).await;
        assert_eq!(done, [Ok(0), Ok(1), Err(Panicked), Ok(3), Ok(4)]);
        assert_eq!(said.try_iter().collect::<Vec<_>>(), [0, 1, 3, 4]);
    }

    #[tokio::test]
    async fn no_more_threads_than_allowed_and_none_too_few() {
        let readers = Arc::new(Readers::new(2));
        // Each waits for the other: both have a thread of their own.
        let (here, there) = (Arc::new(std::sync::Barrier::new(2)), Arc::new(Mutex::new((0, 0))));
        let jobs = (0..6).map(|_| {
            let (here, at_once) = (here.clone(), there.clone());
            readers.run(move || {
                let count = |by: i32| {
                    let mut at_once = at_once.lock().unwrap();
                    at_once.0 += by;
                    at_once.1 = at_once.1.max(at_once.0);
                };
                count(1);
                here.wait();
                count(-1);
            })
        });
        futures::future::join_all(jobs).await;
        assert_eq!(there.lock().unwrap().1, 2);
    }

    #[tokio::test]
    async fn the_threads_stay_the_same() {
        let readers = Arc::new(Readers::new(2));
        let mut threads = std::collections::HashSet::new();
        for _ in 0..50 {
            threads.insert(readers.run(|| std::thread::current().id()).await.expect("read"));
        }
        assert!(threads.len() <= 2, "{threads:?}");
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_begun() {
        let readers = Arc::new(Readers::new(1));
        let (go, wait) = mpsc::channel::<()>();
        let (began, has_begun) = oneshot::channel();
        let first = tokio::spawn({
            let readers = readers.clone();
            async move {
                readers
                    .run(move || {
                        began.send(()).unwrap();
                        wait.recv().unwrap();
                    })
                    .await
            }
        });
        has_begun.await.unwrap();
        let given_up = tokio::spawn({
            let readers = readers.clone();
            async move { readers.run(|| panic!("is not done")).await }
        });
        tokio::task::yield_now().await;
        given_up.abort();
        assert!(given_up.await.unwrap_err().is_cancelled());
        go.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Ok(()));
        assert_eq!(readers.run(|| 7).await, Ok(7));
    }
}
