//! References between objects: how one leads to another, as facts with codes, and their notation,
//! which recordings store and reports print.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::Address;
use super::coded::coded;

/// One reference of a path, and what it leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// How.
    pub via: Via,
    /// References of this kind one behind the other that this one stands for.
    pub times: u64,
    /// Whether the layout says that this is a reference; else a word of an unknown C struct looks
    /// like one.
    pub certain: bool,
    /// Address of what it leads to; in JSON as `0x…`.
    pub address: Address,
    /// Type of that: data from outside.
    pub class: String,
    /// More of that, where there is more to say.
    pub detail: Option<ObjectDetail>,
}

coded! {
    /// How an object refers to another. Names are data from outside.
    #[derive(Eq)]
    pub enum Via {
        /// An item of a sequence.
        "item" => Item {
            /// Which.
            index: u64,
        },
        /// A key of a dict.
        "key" => Key,
        /// A value of a dict.
        "value" => Value {
            /// Its key as Python writes it.
            key: String,
        },
        /// An attribute, or a field with a name.
        "attribute" => Attribute {
            /// Its name, where it can be read.
            name: Option<String>,
        },
        /// A member of a set.
        "member" => Member,
        /// A variable of an outer function, which a closure holds.
        "closure-cell" => ClosureCell {
            /// Which.
            index: u64,
            /// Its name, where it can be read.
            name: Option<String>,
        },
        /// A local variable of a frame.
        "local" => Local {
            /// Its name.
            name: String,
        },
        /// The evaluation stack of a frame.
        "evaluation-stack" => EvaluationStack {
            /// Whether that place is in use.
            certain: bool,
        },
        /// The type of an object.
        "type" => Class,
        /// A word in the object's own C struct.
        "c-field" => CField {
            /// Where, bytes.
            offset: u32,
        },
        /// A word in a block that the object's C struct leads to.
        "c-structure" => CStructure {
            /// Last name of the object's type.
            class: String,
            /// Blocks on the way.
            hops: u8,
        },
        /// It was there when the graph was read.
        "gone" => Gone,
        /// A weak reference.
        "weak" => Weak,
        /// The middle of a very long path.
        "left-out" => LeftOut {
            /// References in it.
            references: u64,
        },
    }
}

coded! {
    /// More of an object than its type. Names and texts are data from outside.
    #[derive(Eq)]
    pub enum ObjectDetail {
        /// What a function, a code object or a frame runs.
        "code" => Code {
            /// Name of the function.
            function: String,
            /// Name of the file, without folders.
            file: String,
            /// Where it begins, from 1.
            line: Option<u32>,
        },
        /// What a task waits for.
        "awaits" => Awaits {
            /// Its coroutine, what that awaits, and so on, each with its line; then what is no coroutine.
            chain: Vec<String>,
        },
        /// How many items it has.
        "items" => Items {
            /// So many.
            count: u64,
        },
        /// Its own name: of a module or a type.
        "name" => Name {
            /// The name.
            name: String,
        },
        /// The text of a string.
        "text" => Text {
            /// The text.
            text: String,
        },
    }
}

impl Reference {
    /// How it refers: `.registry`, `['key']`, `[412]`, `closure cell draw`, `.next × 40`.
    pub fn notation(&self) -> String {
        match self.times {
            0 | 1 => self.via.notation(),
            times => format!("{} × {times}", self.via.notation()),
        }
    }
}

impl Via {
    fn notation(&self) -> String {
        match self {
            Self::Item { index } => format!("[{index}]"),
            Self::Key => "a key".to_owned(),
            Self::Value { key } => format!("[{key}]"),
            Self::Attribute { name: Some(name) } => format!(".{name}"),
            Self::Attribute { name: None } => "an attribute".to_owned(),
            Self::Member => "a member".to_owned(),
            Self::ClosureCell { name: Some(name), .. } => format!("closure cell {name}"),
            Self::ClosureCell { index, name: None } => format!("closure cell {index}"),
            Self::Local { name } => format!("local {name}"),
            Self::EvaluationStack { certain: true } => "its evaluation stack".to_owned(),
            Self::EvaluationStack { certain: false } => "perhaps its evaluation stack".to_owned(),
            Self::Class => "its type".to_owned(),
            Self::CField { offset } => format!("C field at {offset:#x}"),
            Self::CStructure { class, hops: 0 | 1 } => format!("in a C structure of {class}"),
            Self::CStructure { class, hops } => format!("in a C structure of {class}, {hops} hops"),
            Self::Gone => "a reference that is gone since".to_owned(),
            Self::Weak => "a weak reference".to_owned(),
            Self::LeftOut { references } => format!("… {references} more references …"),
        }
    }

    /// Whether another leads on in the same way: indices and keys of what repeats differ.
    pub fn is_like(&self, other: &Self) -> bool {
        let is_subscript = |via: &Self| matches!(via, Self::Item { .. } | Self::Value { .. });
        self == other || (is_subscript(self) && is_subscript(other))
    }
}

impl ObjectDetail {
    /// `update_plot (app.py:88)`, `412 items`
    pub fn notation(&self) -> String {
        match self {
            Self::Code { function, file, line: Some(line) } => {
                format!("{function} ({file}:{line})")
            }
            Self::Code { function, file, line: None } => format!("{function} ({file})"),
            Self::Awaits { chain } => chain.join(" → "),
            Self::Items { count: 1 } => "1 item".to_owned(),
            Self::Items { count } => format!("{count} items"),
            Self::Name { name } => name.clone(),
            Self::Text { text } => format!("'{text}'"),
        }
    }
}

/// As the JSON contract has it: notation, and the code of the way beside it.
impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_struct("Reference", 6)?;
        json.serialize_field("via", &self.notation())?;
        json.serialize_field("code", self.via.code())?;
        json.serialize_field("certain", &self.certain)?;
        json.serialize_field("address", &self.address.to_string())?;
        json.serialize_field("class", &self.class)?;
        json.serialize_field("detail", &self.detail.as_ref().map(ObjectDetail::notation))?;
        json.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_notation_and_the_code() {
        let reference = Reference {
            via: Via::Attribute { name: Some("next".into()) },
            times: 40,
            certain: true,
            address: Address(0x7f),
            class: "Node".into(),
            detail: Some(ObjectDetail::Items { count: 1 }),
        };
        let json = serde_json::to_string(&reference).expect("JSON");
        let expected = r#"{"via":".next × 40","code":"attribute","certain":true,"address":"0x7f","class":"Node","detail":"1 item"}"#;
        assert_eq!(json, expected);
    }

    #[test]
    fn what_repeats_differs_in_indices_and_keys_alone() {
        let value = Via::Value { key: "'next'".into() };
        assert!(value.is_like(&Via::Item { index: 1 }));
        let attribute = |name: &str| Via::Attribute { name: Some(name.into()) };
        assert!(!attribute("a").is_like(&attribute("b")) && !attribute("a").is_like(&value));
    }

    #[test]
    fn uncertain_ways_say_so() {
        let inside = |hops| Via::CStructure { class: "Handle".into(), hops }.notation();
        assert_eq!(inside(1), "in a C structure of Handle");
        assert_eq!(inside(3), "in a C structure of Handle, 3 hops");
        assert_eq!(
            Via::EvaluationStack { certain: false }.notation(),
            "perhaps its evaluation stack"
        );
    }
}
