//! The list of models. Adding one is one file, its `mod` line, and one line here.

/// Hands the list of all model configurations to a macro: `with_models!(callback)` expands to
/// `callback! { path::Config, path::Config, ... }`.
#[macro_export]
macro_rules! with_models {
    ($callback:ident) => {
        $callback! {
            $crate::linear_rnn::LinearRnnConfig,
            $crate::tanh_rnn::TanhRnnConfig,
            $crate::lstm::LstmConfig,
            $crate::gru::GruConfig,
            $crate::s4d::S4dConfig,
            $crate::diagonal_ssm::DiagonalSsmConfig,
            $crate::lru::LruConfig,
            $crate::tcn::TcnConfig,
            $crate::transformer::TransformerConfig,
        }
    };
}
