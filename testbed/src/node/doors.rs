//! What a proxy's node does with the connections of each of its listeners.
//!
//! Made once per node and cloned for its threads, so that what they share (turns, counts) is shared. It serves
//! on whatever thread runs it and ends with the node's stop.

use std::{collections::BTreeMap, io, sync::Arc};

use proxies::{
    balance::{Backend, Group, Policy},
    forward::{ClientCert, Hooks, Inspect, Names, Rules},
    guard::{self, Entrance, Filter},
    limits::Limits,
    pass_through::PassThrough,
    proxy::{Forward, Proxy},
    routes::{Route, Routes},
    serve::{Drained, Tally},
    transport::Listen,
};
use tokio_util::sync::CancellationToken;

use super::{
    plan::{DialPlan, ListenPlan, Onward},
    wiring::{NodeDial, World, back_codec, front_codec},
};

/// The name outside clients use where they know none of the cloud's.
const LOCALHOST: &str = "localhost";

/// One listener of a proxy and where its connections go.
#[derive(Clone)]
pub(super) enum Door {
    /// To one place, between its codecs.
    Forward(Proxy<NodeDial>),
    /// By server name, unopened.
    ByName(PassThrough<NodeDial>),
}

impl Door {
    /// The door of a plan.
    pub(super) fn new(
        world: &World,
        (front, onward): (&ListenPlan, &Onward),
        limits: &Limits,
        tally: &Arc<Tally>,
    ) -> io::Result<Self> {
        let (mut limits, tally) = (*limits, tally.clone());
        // Each caller's requests go on over connections of its own: whoever stands in the path meets every caller.
        limits.http.pooled = 0;
        Ok(match onward {
            Onward::To(back) => Self::Forward(Proxy {
                entrance: Entrance::behind(front.accept_proxy.clone()),
                front: front_codec(world, front)?,
                groups: vec![Arc::new(group(world, std::slice::from_ref(back), Policy::default())?)],
                forward: if front.requests { http(front.client_cert.clone()) } else { Forward::Bytes },
                hooks: hooks(front)?,
                limits,
                tally,
            }),
            Onward::ByName { routes, localhost, policy } => Self::ByName(PassThrough {
                entrance: Entrance::behind(front.accept_proxy.clone()),
                front: front_codec(world, front)?,
                routes: Arc::new(self::routes(world, routes, localhost.as_ref(), *policy)?),
                limits,
                tally,
            }),
        })
    }

    /// Serves until `stop`, then drains.
    pub(super) async fn run<L: Listen>(self, listen: L, stop: CancellationToken) -> Drained {
        match self {
            Self::Forward(proxy) => proxy.run(listen, stop).await,
            Self::ByName(pass) => pass.run(listen, stop).await,
        }
    }
}

fn http(client_cert: Option<ClientCert>) -> Forward {
    // A proxy in front opens its connections for the name of this host, whatever its own callers ask for.
    let checked = client_cert.as_ref().is_none_or(|rule| rule.accept_from.is_empty());
    let names = Names { checked, also: vec![LOCALHOST.to_owned()] };
    Forward::Http(Rules { client_cert, names, ..Rules::default() })
}

/// Who else is asked about requests.
fn hooks(front: &ListenPlan) -> io::Result<Hooks> {
    let filter = |rules| Arc::new(Filter::new(rules)) as Arc<dyn Inspect>;
    let rules = front.filtered.then(guard::rules::Rules::built_in).transpose().map_err(io::Error::other)?;
    Ok(Hooks { inspect: rules.map(filter), ..Hooks::default() })
}

fn routes(
    world: &World,
    plans: &[(String, Vec<DialPlan>)],
    localhost: Option<&String>,
    policy: Policy,
) -> io::Result<Routes<Group<NodeDial>>> {
    let route = |(name, to): &(String, Vec<DialPlan>)| {
        Ok(Route { name: name.clone(), to: group(world, to, policy)? })
    };
    let routes = plans.iter().map(route).collect::<io::Result<_>>()?;
    let also: BTreeMap<String, String> =
        localhost.map(|name| (LOCALHOST.to_owned(), name.clone())).into_iter().collect();
    Routes::new(routes, &also).map_err(io::Error::other)
}

fn group(world: &World, plans: &[DialPlan], policy: Policy) -> io::Result<Group<NodeDial>> {
    let backend = |plan: &DialPlan| {
        let (dial, back) = (NodeDial::new(world, plan)?, back_codec(world, plan)?);
        Ok(Backend { name: plan.authority.clone(), dial, back, header: plan.header })
    };
    Ok(Group::new(plans.iter().map(backend).collect::<io::Result<_>>()?, policy))
}
