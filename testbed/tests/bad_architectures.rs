//! Every file in `bad_architectures/` is wrong in its own way, and says so helpfully: the whole message is
//! the expectation.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use testbed::architecture::parse;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_architectures")
}

/// What the command line would print.
fn message(name: &str) -> String {
    let file = format!("{name}.toml");
    let source = std::fs::read_to_string(folder().join(&file)).unwrap();
    let message = parse(&file, &source).unwrap_err().to_string();
    assert!(message.starts_with("error: "), "{name} is refused without a reason: {message:?}");
    message
}

macro_rules! corpus {
    ($($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                insta::assert_snapshot!(stringify!($name), message(stringify!($name)));
            }
        )+

        const LISTED: &[&str] = &[$(stringify!($name)),+];
    };
}

corpus! {
    accept_proxy_of_a_service,
    agent_that_listens,
    authority_unknown,
    bad_names,
    balance_of_one,
    balance_word,
    bind_tokens_elsewhere,
    catalog,
    clear_dial_to_tls,
    client_auth_in_the_clear,
    client_auth_of_nobody,
    client_auth_of_strangers,
    client_auth_of_two_authorities,
    client_auth_without_trust,
    client_cert_of_a_service,
    client_cert_of_strangers,
    client_cert_unasked,
    client_identity_elsewhere,
    control_characters,
    dial_to_local_listener,
    dial_to_the_wrong_service,
    dial_to_unknown_listener,
    dial_without_way,
    duplicate_key,
    empty,
    engine_elsewhere,
    engine_word,
    everything_at_once,
    forward_to_unknown_dial,
    groups_and_sessions,
    groups_in_the_clear,
    guest_inside_unknown_host,
    guest_of_itself,
    hash_threads_elsewhere,
    header_missing,
    host_without_segment,
    identity_names,
    identity_of_another_user,
    identity_on_another_host,
    identity_owned_by_nobody,
    identity_unknown,
    identity_without_names,
    idle_dials,
    listener_elsewhere,
    login_page_without_identity,
    missing_dials,
    name_too_long,
    only_comments,
    port_twice,
    ports,
    privileged_proxy,
    privileged_word,
    protocol_bytes_and_caller,
    protocol_unread,
    protocol_word,
    proxy_header_missing,
    proxy_header_unexpected,
    proxy_loop,
    proxy_without_forward,
    queue_of_the_wrong_kind,
    route_loop,
    route_not_asked_for,
    route_nowhere,
    route_outside,
    route_to_the_clear,
    route_twice,
    route_with_tls_of_its_own,
    route_without_name,
    routes_and_forward,
    routes_empty,
    routes_of_a_service,
    schema_missing,
    schema_unknown,
    segment_called_local,
    segment_called_unix,
    segment_twice,
    server_name_from_outside,
    server_name_of_someone_else,
    service_with_forward,
    service_without_listener,
    syntax,
    tables_that_are_none,
    tcp_with_mode,
    threads_in_all,
    threads_out_of_range,
    tls_dial_to_clear,
    too_many_names,
    too_many_things,
    trust_empty,
    trust_unknown_and_twice,
    types,
    unix_from_elsewhere,
    unix_mode_as_a_number,
    unix_mode_nonsense,
    unix_peer_left_out,
    unix_peer_unknown,
    unix_with_port,
    unix_without_peers,
    unknown_domain,
    unknown_field_in_tls,
    unknown_fields,
    unknown_program,
    unknown_segment,
    users_that_listen,
    verify_off_in_a_dial,
    verify_unknown,
    versions_empty,
    versions_in_the_clear,
    versions_unknown,
    weakness_of_clear_dial,
    weakness_of_unknown_dial,
    weakness_that_weakens_nothing,
}

#[test]
fn every_file_of_the_folder_is_a_test() {
    let mut files: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    assert_eq!(files, LISTED);
}
