//! Facts that programs tell apart by a stable code, and people by a sentence (made in `report`).

/// An enum whose variants have a code each: in kebab case, part of the JSON contract, never changed
/// and never used for something else. As JSON a value is an object of its code and its fields.
macro_rules! coded {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $(
                $(#[$doc:meta])*
                $code:literal => $variant:ident
                $({ $( $(#[$field_doc:meta])* $field:ident: $type:ty ),* $(,)? })?
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "code")]
        $vis enum $name {
            $(
                $(#[$doc])*
                #[serde(rename = $code)]
                $variant $({ $( $(#[$field_doc])* $field: $type ),* })?
            ),*
        }

        impl $name {
            /// The codes of all variants, in their order.
            pub const CODES: &'static [&'static str] = &[$($code),*];

            /// The code of this one.
            pub const fn code(&self) -> &'static str {
                match self {
                    $( Self::$variant { .. } => $code ),*
                }
            }
        }
    };
}

pub(super) use coded;

#[cfg(test)]
mod tests {
    coded! {
        /// Two of a kind.
        pub enum Example {
            /// Without a field.
            "it-ended" => Ended,
            /// With one.
            "it-slows" => Slows {
                /// Of what was.
                share: f64,
            },
        }
    }

    #[test]
    fn json_has_the_code_and_the_fields() {
        let slows = Example::Slows { share: 0.5 };
        assert_eq!(Example::CODES, [Example::Ended.code(), slows.code()]);
        let json = serde_json::to_string(&slows).expect("JSON");
        assert_eq!(json, r#"{"code":"it-slows","share":0.5}"#);
        assert_eq!(serde_json::from_str::<Example>(&json).ok(), Some(slows));
        assert!(serde_json::from_str::<Example>(r#"{"code":"other"}"#).is_err());
    }
}
