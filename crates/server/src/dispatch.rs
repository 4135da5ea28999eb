//! From a method and a path to a route. Words are compared without regard to case (contract, § 0.8), slashes at the end do
//! not count.

use http::Method;
use percent_encoding::percent_decode_str;

use crate::routes::{ROUTES, Route};

/// The segments that a template's names took, decoded, in the template's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(&'static str, String)>);

impl Params {
    /// What `{name}` took; empty for a name that the template does not have.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// What `{name}` took.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Found {
    /// This.
    Route(&'static Route, Params),
    /// There is something, but not with that method; these it has.
    OtherMethods(Vec<&'static Method>),
    /// Nothing.
    Nothing,
}

/// The route of a request. HEAD is answered by what answers GET where it has no route of its own.
pub(crate) fn find(method: &Method, path: &str) -> Found {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let fitting: Vec<(&'static Route, Params)> =
        ROUTES.iter().filter_map(|route| Some((route, fit(route.template, &segments)?))).collect();
    let best = |wanted: &Method| {
        let mut of_method: Vec<_> = fitting.iter().filter(|(route, _)| route.method == *wanted).collect();
        // words win over names: `/secrets/{secret}/versions` is no version called `versions`
        of_method.sort_by_key(|(_, params)| params.0.len());
        of_method.first().map(|(route, params)| Found::Route(route, params.clone()))
    };
    if let Some(found) = best(method) {
        return found;
    }
    if method == Method::HEAD
        && let Some(found) = best(&Method::GET)
    {
        return found;
    }
    if fitting.is_empty() {
        return Found::Nothing;
    }
    Found::OtherMethods(fitting.into_iter().map(|(route, _)| &route.method).collect())
}

fn fit(template: &'static str, segments: &[&str]) -> Option<Params> {
    let mut words = template.split('/').skip(1);
    let mut params = Vec::new();
    for segment in segments {
        let word = words.next()?;
        match word.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => params.push((name, decode(segment)?)),
            None if decode(segment)?.eq_ignore_ascii_case(word) => {}
            None => return None,
        }
    }
    words.next().is_none().then_some(Params(params))
}

/// A segment without its percent signs. One that is no UTF-8 fits nothing.
fn decode(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// `template` up to and with `{last}`, each name filled in: the id of what the route is about, its words in their own case.
pub(crate) fn render(template: &str, params: &Params, last: Option<&str>) -> String {
    let mut text = String::new();
    for word in template.split('/').skip(1) {
        text.push('/');
        let name = word.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match name {
            Some(name) => text.push_str(params.get(name)),
            None => text.push_str(word),
        }
        if name.is_some() && name == last {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;

    fn endpoint(method: &Method, path: &str) -> Option<(Endpoint, Params)> {
        match find(method, path) {
            Found::Route(route, params) => Some((route.endpoint, params)),
            _ => None,
        }
    }

    #[test]
    fn words_are_matched_in_whatever_case_and_names_as_they_are() {
        let path =
            "/SUBSCRIPTIONS/s1/resourcegroups/Lab/Providers/microsoft.containerregistry/Registries/Reg";
        let (found, params) = endpoint(&Method::GET, path).unwrap();
        assert_eq!(found, Endpoint::RegistryGet);
        assert_eq!((params.get("group"), params.get("registry")), ("Lab", "Reg"));
        let Found::Route(route, params) = find(&Method::GET, path) else { panic!("no route") };
        assert_eq!(
            render(route.template, &params, Some("registry")),
            "/subscriptions/s1/resourceGroups/Lab/providers/Microsoft.ContainerRegistry/registries/Reg"
        );
    }

    #[test]
    fn slashes_at_the_end_do_not_count() {
        assert_eq!(endpoint(&Method::GET, "/vaults/v/secrets/n/").unwrap().0, Endpoint::SecretGet);
        assert_eq!(endpoint(&Method::GET, "/subscriptions/").unwrap().0, Endpoint::Subscriptions);
    }

    #[test]
    fn words_win_over_names() {
        assert_eq!(
            endpoint(&Method::GET, "/vaults/v/secrets/n/versions").unwrap().0,
            Endpoint::SecretVersions
        );
        assert_eq!(endpoint(&Method::GET, "/vaults/v/secrets/n/abc").unwrap().0, Endpoint::SecretGet);
    }

    #[test]
    fn segments_are_decoded_after_they_were_split() {
        let (_, params) = endpoint(&Method::GET, "/vaults/a%2Fb/secrets/x%20y").unwrap();
        assert_eq!((params.get("vault"), params.get("secret")), ("a/b", "x y"));
        assert!(endpoint(&Method::GET, "/vaults/%ff/secrets").is_none());
    }

    #[test]
    fn a_path_without_that_method_says_which_it_has() {
        let Found::OtherMethods(methods) = find(&Method::POST, "/subscriptions") else { panic!("a route") };
        assert_eq!(methods, [&Method::GET]);
        assert!(matches!(find(&Method::GET, "/nowhere/at/all"), Found::Nothing));
    }

    #[test]
    fn no_two_routes_are_the_same() {
        let mut seen = std::collections::BTreeSet::new();
        for route in ROUTES {
            assert!(seen.insert((route.method.as_str(), route.template.to_ascii_lowercase())), "{route:?}");
        }
    }
}
