//! Reading what templates send: every member is there, and empty ones mean nothing.

use serde::{Deserialize, Deserializer};

/// A text; `null`, `""` and white space are none.
///
/// # Errors
/// Anything but a text or `null`.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let read = Option::<String>::deserialize(deserializer)?;
    Ok(read.filter(|text| !text.trim().is_empty()))
}

/// A list; `null` is an empty one.
///
/// # Errors
/// Anything but a list or `null`, or an item that cannot be read.
pub fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

/// A list of texts; `null` is an empty one, and empty texts are left out.
///
/// # Errors
/// Anything but a list of texts or `null`.
pub fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let read = list::<D, Option<String>>(deserializer)?;
    Ok(read.into_iter().flatten().filter(|text| !text.trim().is_empty()).collect())
}

/// An object; `null` and one of empty members are none.
///
/// # Errors
/// Anything but such an object or `null`.
pub fn object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default + PartialEq,
{
    Ok(Option::<T>::deserialize(deserializer)?.filter(|read| *read != T::default()))
}

/// Anything that has an empty form; `null` is that.
///
/// # Errors
/// As the value's own.
pub fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
