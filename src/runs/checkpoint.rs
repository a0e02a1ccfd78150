//! The checkpoint file: a JSON header, the training state, and a checksum over both.

use lookback_registry::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};

use crate::learner::session::Progress;

const MAGIC: &[u8; 16] = b"lookback-ckpt-1\n";

/// The bytes of a checkpoint file.
pub(crate) fn encode(progress: &Progress, state: &[u8]) -> Vec<u8> {
    let header = serde_json::to_vec(progress).expect("progress serialises");
    let mut bytes = MAGIC.to_vec();
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    bytes.extend(state);
    let digest = Sha256::digest(&bytes);
    bytes.extend(digest);
    bytes
}

/// Reads a checkpoint file.
///
/// # Errors
/// The file is truncated, was altered, or is none of ours.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Progress, &[u8])> {
    let damaged = |what: &str| Error::new(ErrorKind::Io, format!("The checkpoint is damaged: {what}."));
    let (content, digest) = bytes.split_last_chunk::<32>().ok_or_else(|| damaged("it is too short"))?;
    if Sha256::digest(content)[..] != digest[..] {
        return Err(damaged("its checksum does not match"));
    }
    let rest = content.strip_prefix(MAGIC).ok_or_else(|| damaged("it does not start as one"))?;
    let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(|| damaged("it has no header"))?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged("its header is too long"))?;
    let (header, state) = rest.split_at_checked(length).ok_or_else(|| damaged("its header is cut off"))?;
    let progress = serde_json::from_slice(header)
        .map_err(|error| Error::caused(ErrorKind::Io, "The checkpoint's header cannot be read", error))?;
    Ok((progress, state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::schedule::Tracker;

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
        let bytes = encode(&progress, b"weights");
        assert_eq!(decode(&bytes).unwrap(), (progress, b"weights".as_slice()));
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err());
            let mut altered = bytes.clone();
            altered[cut] ^= 1;
            assert!(decode(&altered).is_err());
        }
    }
}
