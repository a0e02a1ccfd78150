//! What a run needs to go on exactly where it was, as bytes: a JSON header, the training state, a checksum over both.

use lookback_benchmarks::RunStatus;
use lookback_registry::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::evaluation::Evaluation;
use super::schedule::Tracker;

const MAGIC: &[u8; 16] = b"lookback-ckpt-1\n";

/// Everything besides weights and optimiser that a run needs to go on exactly where it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub step: usize,
    /// Sum of the training losses since the last evaluation, as the device holds it.
    pub loss_sum: f32,
    pub loss_count: usize,
    pub tracker: Tracker,
    pub curve: Vec<Evaluation>,
    pub ended: Option<RunStatus>,
}

/// A training run between two steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    pub(super) progress: Progress,
    /// Weights, their average and the optimiser's state.
    pub(super) state: Vec<u8>,
}

impl Checkpoint {
    /// The bytes of a checkpoint file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let header = serde_json::to_vec(&self.progress).expect("progress serialises");
        let mut bytes = MAGIC.to_vec();
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header);
        bytes.extend(&self.state);
        let digest = Sha256::digest(&bytes);
        bytes.extend(digest);
        bytes
    }

    /// Reads a checkpoint file.
    ///
    /// # Errors
    /// The file is truncated, was altered, or is no checkpoint.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let damaged = |what: &str| Error::new(ErrorKind::Corrupt, format!("The checkpoint is damaged: {what}."));
        let (content, digest) = bytes.split_last_chunk::<32>().ok_or_else(|| damaged("it is too short"))?;
        if Sha256::digest(content)[..] != digest[..] {
            return Err(damaged("its checksum does not match"));
        }
        let rest = content.strip_prefix(MAGIC).ok_or_else(|| damaged("it does not start as one"))?;
        let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(|| damaged("it has no header"))?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged("its header is too long"))?;
        let (header, state) = rest.split_at_checked(length).ok_or_else(|| damaged("its header is cut off"))?;
        let progress = serde_json::from_slice(header)
            .map_err(|error| Error::caused(ErrorKind::Corrupt, "The checkpoint's header cannot be read", error))?;
        Ok(Self { progress, state: state.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_truncation_and_every_flipped_byte_is_noticed() {
        let progress = Progress {
            step: 3,
            loss_sum: 0.1,
            loss_count: 2,
            tracker: Tracker::default(),
            curve: Vec::new(),
            ended: None,
        };
        let checkpoint = Checkpoint { progress, state: b"weights".to_vec() };
        let bytes = checkpoint.to_bytes();
        assert_eq!(Checkpoint::from_bytes(&bytes).unwrap(), checkpoint);
        for cut in 0..bytes.len() {
            assert!(Checkpoint::from_bytes(&bytes[..cut]).is_err());
            let mut altered = bytes.clone();
            altered[cut] ^= 1;
            assert!(Checkpoint::from_bytes(&altered).is_err());
        }
    }
}
