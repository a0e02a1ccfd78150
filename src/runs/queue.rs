//! The order in which the runs of a sweep are done.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

/// A run to be done.
pub(super) struct Job {
    /// The run's identity.
    pub id: String,
    /// Equal for runs that should take about the same time.
    pub kind: String,
    /// When it may be started.
    pub not_before: Instant,
}

/// What is to be done, longest runs first as far as is known, so that all cores are busy to the end.
#[derive(Default)]
pub(super) struct Queue {
    pub jobs: VecDeque<Job>,
    /// Seconds of the last run of each kind, or 0 while the first is under way.
    pub seconds: HashMap<String, f64>,
}

impl Queue {
    /// The job to do next: one of a kind that is new, else one of the kind that takes longest. A job that must still wait
    /// comes only where there is no other.
    pub fn pop(&mut self) -> Option<Job> {
        let now = Instant::now();
        let urgency = |job: &Job| match self.seconds.get(&job.kind) {
            _ if job.not_before > now => -1.0,
            Some(seconds) => *seconds,
            None => f64::INFINITY,
        };
        let mut best: Option<(usize, f64)> = None;
        for (index, job) in self.jobs.iter().enumerate() {
            let urgency = urgency(job);
            if best.is_none_or(|(_, most)| urgency > most) {
                best = Some((index, urgency));
            }
        }
        let job = self.jobs.remove(best?.0)?;
        self.seconds.entry(job.kind.clone()).or_insert(0.0);
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn new_kinds_come_first_then_the_longest() {
        let job = |id: &str, wait: u64| Job {
            id: id.into(),
            kind: id[..1].into(),
            not_before: Instant::now() + Duration::from_secs(wait),
        };
        let jobs = [job("a1", 0), job("a2", 0), job("b1", 0), job("c1", 3600), job("b2", 0), job("a3", 0)];
        let mut queue = Queue { jobs: jobs.into(), ..Queue::default() };
        let mut taken = Vec::new();
        while let Some(job) = queue.pop() {
            queue.seconds.insert(job.kind.clone(), if job.kind == "b" { 2.0 } else { 1.0 });
            taken.push(job.id);
        }
        assert_eq!(taken, ["a1", "b1", "b2", "a2", "a3", "c1"]);
    }
}
