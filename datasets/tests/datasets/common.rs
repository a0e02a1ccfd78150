//! Small data in the layout of CIFAR-10, and what errors are about.

/// A batch with a record for every label.
pub fn batch(labels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (record, label) in labels.iter().enumerate() {
        bytes.push(*label);
        for channel in 0..3 {
            bytes.extend((0..32 * 32).map(|at| value(record, channel, at % 32, at / 32)));
        }
    }
    bytes
}

/// The value that [`batch`] puts at column `x` and row `y`.
pub fn value(record: usize, channel: usize, x: usize, y: usize) -> u8 {
    (31 * record + 85 * channel + 3 * x + 7 * y) as u8
}
