//! Networks where wallets pay: their nodes' clients, and who settles there. Nothing is asked yet.

use std::sync::Arc;

use crate::actors::{ChainParts, Way};
use crate::chain::{Facilitator, Rpc};
use crate::clock::{Clock, Random};
use crate::config::{NetworkSettings, WaySettings};
use crate::net;

/// What the node is given of each network.
pub(super) fn chains(
    networks: &[NetworkSettings],
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
) -> Result<Vec<ChainParts>, net::Error> {
    networks.iter().map(|network| chain(network, clock, random)).collect()
}

fn chain(network: &NetworkSettings, clock: &Arc<dyn Clock>, random: &Arc<dyn Random>) -> Result<ChainParts, net::Error> {
    let NetworkSettings { rpc, terms, way, proxy_code_hash, caps, policy, contracts, stall_seconds } = network.clone();
    let way = match way {
        WaySettings::Batch { settler, operators } => Way::Batch { settler, operators },
        WaySettings::Direct { operators, sponsors } => Way::Direct { operators, sponsors },
        WaySettings::Hosted(settings) => Way::Hosted { facilitator: Facilitator::new(settings, Arc::clone(clock), Arc::clone(random))? },
    };
    Ok(ChainParts { rpc: Rpc::new(rpc)?, terms, way, proxy_code_hash, caps, policy, contracts, stall_seconds })
}
