//! The two pages as HTML. Pure; whatever a user wrote is escaped.

use super::sessions::Session;
use crate::services::reply::{escaped, page};

/// The form; with a message, and the name that was tried, when a login failed.
pub(super) fn form(csrf: &str, user: &str, message: Option<&str>) -> String {
    let message = message.map(|text| format!("<p class=\"error\">{}</p>\n", escaped(text)));
    let (csrf, user) = (escaped(csrf), escaped(user));
    page(
        "Login - OpenStack Dashboard",
        &format!(
            "<h1>Log in</h1>\n{}<form method=\"post\" action=\"/auth/login/\">\n\
             <input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"{csrf}\">\n\
             <label>User Name <input name=\"username\" value=\"{user}\" autocomplete=\"username\"></label>\n\
             <label>Password <input type=\"password\" name=\"password\" autocomplete=\"current-password\"></label>\n\
             <button type=\"submit\">Sign In</button>\n</form>\n",
            message.unwrap_or_default()
        ),
    )
}

/// What a user sees after logging in.
pub(super) fn overview(session: &Session, csrf: &str, note: &str) -> String {
    let Session { user, project, expires, .. } = session;
    let (user, project, csrf, note) = (escaped(user), escaped(project), escaped(csrf), escaped(note));
    page(
        "Overview - OpenStack Dashboard",
        &format!(
            "<h1>Overview</h1>\n<dl>\n<dt>User</dt><dd id=\"user\">{user}</dd>\n\
             <dt>Project</dt><dd id=\"project\">{project}</dd>\n\
             <dt>Token expires</dt><dd id=\"expires\">{expires}</dd>\n\
             <dt>Note</dt><dd id=\"note\">{note}</dd>\n</dl>\n\
             <form method=\"post\" action=\"/auth/logout/\">\n\
             <input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"{csrf}\">\n\
             <button type=\"submit\">Sign Out</button>\n</form>\n"
        ),
    )
}
