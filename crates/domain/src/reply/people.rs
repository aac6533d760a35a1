//! Names in replies. In: who wrote one, and who else may take a run. Out: whether a word is a name.
//!
//! Never: decides who takes a run.

use std::collections::BTreeSet;

use crate::{directory::Directory, phone::E164, words};

/// The people whom a reply may name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// The words of the sender's own name, in their order.
    own: Vec<String>,
    others: BTreeSet<String>,
}

impl People {
    /// The sender's own name, empty where it is not known, and the names of everybody else.
    pub fn new<'a>(own: &str, others: impl IntoIterator<Item = &'a str>) -> Self {
        let own = words::words(own);
        let others = others.into_iter().flat_map(words::words).filter(|name| !own.contains(name)).collect();
        Self { own, others }
    }

    /// Those whom a reply from this number may name.
    pub fn beside(number: &E164, directory: &Directory) -> Self {
        let own = directory.contact_with(number).map_or("", |contact| contact.name.as_str());
        let others = directory.contacts.values().filter(|contact| contact.numbers().all(|own| own != number));
        Self::new(own, others.map(|contact| contact.name.as_str()))
    }

    /// The same people, and those whom a word of this reply with a capital or behind `@` may name. A word at the start of
    /// a sentence, and one in capitals alone, has them for another reason.
    pub(super) fn with_names_in(&self, body: &str) -> Self {
        let tokens =
            |text: &str| text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
        let is_name =
            |token: &String| token.starts_with(char::is_uppercase) && token.chars().any(char::is_lowercase);
        let inner = |sentence: &str| -> Vec<String> {
            tokens(sentence).into_iter().filter(|token| !token.is_empty()).skip(1).collect()
        };
        let capitals = body.split(['.', '!', '\n']).flat_map(inner).filter(is_name);
        let addressed = body.split('@').skip(1).filter_map(|after| tokens(after).into_iter().next());
        let names = capitals.chain(addressed).flat_map(|token| words::words(&token));
        let mut people = self.clone();
        people.others.extend(names.filter(|name| !self.own.contains(name)));
        people
    }

    /// Whether a word is the sender's name, with which they sign.
    pub(super) fn is_own(&self, word: &str) -> bool {
        self.own.iter().any(|own| own == word)
    }

    /// How many of these words are the sender's first name.
    pub(super) fn first_name_in(&self, words: &[&str]) -> Option<usize> {
        let begins = self.own.first().is_some_and(|own| words.first().is_some_and(|word| word == own));
        begins.then_some(1)
    }

    /// Whether these words are the sender's whole name, whatever else they say.
    pub(super) fn is_own_name(&self, words: &[&str]) -> bool {
        !words.is_empty() && self.own.iter().eq(words)
    }

    /// Whether a word may be the name of somebody else.
    pub(super) fn may_be_other(&self, word: &str) -> bool {
        self.others.contains(word)
    }
}
