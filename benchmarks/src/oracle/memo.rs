//! Fits are made once per process: every page, table and finding that shows one asks for it anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Answers by question, kept for good.
pub(super) struct Memo<K, V>(Mutex<BTreeMap<K, Arc<OnceLock<V>>>>);

impl<K: Ord, V: Clone> Memo<K, V> {
    pub const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// The answer to `question`, found by `answer` where nobody has asked before; who asks meanwhile waits for it.
    pub fn get(&self, question: K, answer: impl FnOnce() -> V) -> V {
        let place = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(question).or_default().clone();
        place.get_or_init(answer).clone()
    }
}

/// Numbers as part of a question, told apart bit by bit.
pub(super) fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Memo, bits};

    #[test]
    fn a_question_is_answered_once() {
        static SQUARES: Memo<Vec<u64>, f64> = Memo::new();
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let square = |number: f64| {
            SQUARES.get(bits(&[number]), || {
                asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                number * number
            })
        };
        std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| assert_eq!(square(3.0), 9.0)))));
        assert_eq!((square(-3.0), square(3.0)), (9.0, 9.0));
        assert_eq!(asked.into_inner(), 2);
    }
}
