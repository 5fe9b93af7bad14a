//! The same proxy in the words of others: one thread, TLS 1.3 with the same suite and group, kept connections
//! to the backend (reused wherever they allow it), forwarded headers set anew, our deadlines, no log.

use std::path::{Path, PathBuf};

use crate::{
    backend::Backend,
    contender::shown,
    pki::{BACK, FRONT, Files},
    works::{Behind, Mode},
};

pub(crate) struct Scene<'a> {
    pub(crate) files: &'a Files,
    pub(crate) backend: &'a Backend,
    pub(crate) mode: Mode,
    pub(crate) behind: Behind,
    pub(crate) port: u16,
}

/// Where Debian puts nginx's module for layer 4.
pub(crate) fn stream_module() -> Option<PathBuf> {
    let named = std::env::var_os("PEERS_NGINX_STREAM").map(PathBuf::from);
    let usual = PathBuf::from("/usr/lib/nginx/modules/ngx_stream_module.so");
    named.into_iter().chain([usual]).find(|path| path.is_file())
}

pub(crate) fn haproxy(scene: &Scene<'_>) -> String {
    let Scene { port, backend, .. } = scene;
    let file = |name: &str| shown(&scene.files.path(name));
    let http = "\
        \x20 http-request set-header X-Forwarded-For %[src]\n\
        \x20 http-request set-header X-Forwarded-Proto https\n\
        \x20 http-request set-header X-Forwarded-Host %[req.hdr(host)]\n\
        \x20 http-request set-header Forwarded for=%[src];host=%[req.hdr(host)];proto=https\n";
    let (mode, bind, rules) = match scene.mode {
        Mode::Terminate | Mode::ReEncrypt => {
            let tls = format!(
                "ssl crt {} ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256 curves X25519",
                file("both.pem")
            );
            ("http", tls, http.to_owned())
        }
        Mode::TerminateL4 => {
            let tls = format!(
                "ssl crt {} ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256 curves X25519",
                file("both.pem")
            );
            ("tcp", tls, String::new())
        }
        Mode::PassThrough => {
            let rules = "\
                \x20 tcp-request inspect-delay 3s\n\
                \x20 tcp-request content accept if { req.ssl_hello_type 1 }\n\
                \x20 tcp-request content reject unless { req.ssl_sni -i front.invalid }\n\
                \x20 option splice-auto\n";
            ("tcp", String::new(), rules.to_owned())
        }
    };
    let place = match (scene.behind, scene.mode) {
        (Behind::Unix, _) => format!("unix@{}", file("app.sock")),
        (Behind::Tls, Mode::ReEncrypt) => format!(
            "127.0.0.1:{} ssl verify required ca-file {} sni str({BACK}) verifyhost {BACK} ssl-min-ver TLSv1.3",
            backend.tls,
            file("ca.pem")
        ),
        (Behind::Tls, _) => format!("127.0.0.1:{}", backend.tls),
        (Behind::Tcp, _) => format!("127.0.0.1:{}", backend.clear),
    };
    let reuse = if mode == "http" { "  http-reuse always\n" } else { "" };
    let splice = if scene.mode == Mode::PassThrough { "  option splice-auto\n" } else { "" };
    format!(
        "global\n  nbthread 1\n  maxconn 6000\n\
         defaults\n  mode {mode}\n  timeout connect 2s\n  timeout client 30s\n  timeout server 30s\n\
         \x20 timeout http-request 10s\n  timeout http-keep-alive 30s\n\
         frontend front\n  bind 127.0.0.1:{port} {bind}\n{rules}  default_backend back\n\
         backend back\n{reuse}{splice}  server one {place}\n"
    )
}

pub(crate) fn nginx(scene: &Scene<'_>) -> String {
    let file = |name: &str| shown(&scene.files.path(name));
    let place = match scene.behind {
        Behind::Unix => format!("unix:{}", file("app.sock")),
        Behind::Tls => format!("127.0.0.1:{}", scene.backend.tls),
        Behind::Tcp => format!("127.0.0.1:{}", scene.backend.clear),
    };
    let tls = format!(
        "ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.3; ssl_ecdh_curve X25519; \
         ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;",
        file("cert.pem"),
        file("key.pem")
    );
    let port = scene.port;
    let block = match scene.mode {
        Mode::Terminate | Mode::ReEncrypt => {
            let (scheme, again) = match scene.mode {
                Mode::ReEncrypt => ("https", re_encrypt(&scene.files.path("ca.pem"))),
                _ => ("http", String::new()),
            };
            format!(
                "http {{ access_log off; upstream back {{ server {place}; keepalive 128; }}\n\
                 server {{ listen 127.0.0.1:{port} ssl; {tls}\n\
                 keepalive_timeout 30s; client_header_timeout 10s; proxy_connect_timeout 2s;\n\
                 location / {{ proxy_pass {scheme}://back; proxy_http_version 1.1; {again}\n\
                 proxy_set_header Connection \"\"; proxy_set_header Host $host;\n\
                 proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https;\n\
                 proxy_set_header X-Forwarded-Host $host;\n\
                 proxy_set_header Forwarded \"for=$remote_addr;host=$host;proto=https\";\n\
                 proxy_max_temp_file_size 0; }} }} }}\n"
            )
        }
        Mode::TerminateL4 => format!(
            "stream {{ server {{ listen 127.0.0.1:{port} ssl; {tls} proxy_pass {place}; proxy_timeout 30s; }} }}\n"
        ),
        Mode::PassThrough => format!(
            "stream {{ map $ssl_preread_server_name $to {{ {FRONT} {place}; }}\n\
             server {{ listen 127.0.0.1:{port}; ssl_preread on; proxy_pass $to; proxy_timeout 30s; }} }}\n"
        ),
    };
    let layer_4 = matches!(scene.mode, Mode::TerminateL4 | Mode::PassThrough);
    let module = stream_module().filter(|_| layer_4);
    let module = module.map(|path| format!("load_module {};\n", path.display())).unwrap_or_default();
    format!(
        "{module}daemon off; master_process off; worker_processes 1; pid {};\n\
         events {{ worker_connections 16000; }}\n{block}",
        file("nginx.pid")
    )
}

fn re_encrypt(ca: &Path) -> String {
    format!(
        "proxy_ssl_verify on; proxy_ssl_trusted_certificate {}; proxy_ssl_name {BACK}; \
         proxy_ssl_server_name on; proxy_ssl_protocols TLSv1.3;",
        ca.display()
    )
}
