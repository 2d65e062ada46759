//! The threads that read: a few, and each takes the next text as soon as it is through with one.
//!
//! A text that comes while all are busy is put down in a queue, and picked up there by the thread itself. Handing each to
//! a thread that waits for it would put the thread to sleep and wake it again, for every text.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Something to be read.
type Job = Box<dyn FnOnce() + Send>;

/// The threads, and what waits for them. They belong to the async runtime, and end when nothing waits.
#[derive(Default)]
pub struct Readers {
    most: usize,
    state: Mutex<State>,
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
        Self {
            most: most.max(1),
            state: Mutex::default(),
        }
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
            tokio::task::spawn_blocking(move || {
                while let Some(job) = readers.next() {
                    job();
                }
            });
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
