//! Kinds of things that metrics and logs name by a label: one table says their variants, their order and their texts.

/// A kind whose variants have labels.
pub trait Label: Copy + PartialEq + 'static {
    /// Every variant, in order.
    const ALL: &'static [Self];

    /// The label used in metrics and logs.
    fn as_str(self) -> &'static str;
}

/// Writes an enum, its [`Label`], and its `as_str` for constants.
macro_rules! labels {
    ($(#[$about:meta])* $vis:vis enum $name:ident { $($(#[$what:meta])* $variant:ident => $label:literal,)* }) => {
        $(#[$about])*
        $vis enum $name {
            $($(#[$what])* $variant,)*
        }

        impl $name {
            /// The label used in metrics and logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)*
                }
            }
        }

        impl $crate::machine::Label for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),*];

            fn as_str(self) -> &'static str {
                self.as_str()
            }
        }
    };
}

pub(crate) use labels;
