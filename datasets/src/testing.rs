//! What the unit tests share.

use lookback_registry::{ErrorKind, Result};

/// The field that is refused as an invalid value.
pub(crate) fn refused<T>(result: Result<T>) -> String {
    let error = result.err().expect("an invalid value");
    assert_eq!(error.kind(), ErrorKind::InvalidValue, "{error}");
    error.what().expect("a field").to_owned()
}
