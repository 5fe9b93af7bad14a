//! Every small change of a TOML file: for tests of what two readers of one format make of it. It judges nothing.

/// Variants of a value that differ in one place.
pub(crate) fn bent(value: &toml::Value) -> Vec<toml::Value> {
    match value {
        toml::Value::Table(table) => table
            .iter()
            .flat_map(|(key, inner)| {
                let mut without = table.clone();
                without.remove(key);
                let replaced = bent(inner).into_iter().map(|other| {
                    let mut table = table.clone();
                    table.insert(key.clone(), other);
                    table
                });
                std::iter::once(without).chain(replaced).map(toml::Value::Table).collect::<Vec<_>>()
            })
            .collect(),
        toml::Value::Array(list) => (0..list.len())
            .flat_map(|at| {
                let mut without = list.clone();
                without.remove(at);
                let replaced = bent(&list[at]).into_iter().map(move |other| {
                    let mut list = list.clone();
                    list[at] = other;
                    list
                });
                std::iter::once(without).chain(replaced).map(toml::Value::Array).collect::<Vec<_>>()
            })
            .collect(),
        toml::Value::String(text) => ["x", "", "local"]
            .map(str::to_owned)
            .into_iter()
            .chain([format!("{text}x"), text.to_uppercase()])
            .map(toml::Value::String)
            .chain([toml::Value::Integer(1)])
            .collect(),
        toml::Value::Integer(number) => {
            [-1, 0, 1, number + 1, 99_999].map(toml::Value::Integer).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
