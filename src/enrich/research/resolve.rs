//! Which findings are about the business asked for.
//!
//! Findings that are about one business are brought together: they share a phone number, a domain or a door, or one names the
//! other as its website and nothing on it says otherwise. Each such group has the points of its best finding, by the rule of
//! [`matching`](crate::enrich::matching). The group with the most points is the business, unless another group that shares no
//! contact with it comes as near: then nobody can tell, and there is no match. Of a chain's group only those findings stay that
//! are not of another branch.

use std::collections::BTreeSet;

use super::Finding;
use crate::enrich::matching::{MARGIN, NAME_ALIKE, Subject, Verdict, judge};

/// What the findings come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolution {
    /// The findings about the business, in their order, each with how far it may speak for it; none where nothing matches.
    pub members: Vec<(usize, Standing)>,
    /// Points of the match; `None` where there is none.
    pub score: Option<u32>,
    /// It would match, if another business didn't come as near.
    pub rivalled: bool,
    /// It would match, if it weren't closed for good.
    pub closed: bool,
}

/// How far a source may speak for a business. The higher one is believed where they contradict one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Somebody else's list, the operator's directory included.
    Listing,
    /// The business's own website, of no place in particular.
    Own,
    /// The business's own website, on the place that was asked for.
    OwnPlace,
}

/// Decides. Pure: the same findings in the same order, the same answer.
pub fn resolve(asked: &Subject, findings: &[Finding]) -> Resolution {
    let verdicts: Vec<Verdict> = findings.iter().map(|finding| judge(asked, &finding.subject)).collect();
    let groups = groups(findings);
    let own: Vec<bool> = findings.iter().map(|finding| finding.own_site).collect();
    // A group with the points of its best finding; the business's own word before a listing's where they are equal.
    let best_of = |group: &Vec<usize>| {
        let matched = group.iter().filter(|at| verdicts.get(**at).is_some_and(|verdict| verdict.matched));
        matched.copied().max_by_key(|at| {
            let score = verdicts.get(*at).map_or(0, |verdict| verdict.score);
            (score, own.get(*at).copied(), std::cmp::Reverse(*at))
        })
    };
    let score_of = |at: usize| verdicts.get(at).map_or(0, |verdict| verdict.score);
    let mut candidates: Vec<(usize, &Vec<usize>)> = groups.iter().filter_map(|group| Some((best_of(group)?, group))).collect();
    candidates.sort_by_key(|(best, _)| std::cmp::Reverse((score_of(*best), own.get(*best).copied(), std::cmp::Reverse(*best))));
    let Some(((anchor, group), others)) = candidates.split_first().map(|(first, rest)| (*first, rest)) else {
        return Resolution::default();
    };
    let score = score_of(anchor);
    let shares = |other: &Vec<usize>| {
        let pairs = group.iter().flat_map(|one| other.iter().map(move |other| (*one, *other)));
        pairs
            .into_iter()
            .any(|(one, other)| both(findings, one, other).is_some_and(|(one, other)| one.subject.shares_contact(&other.subject)))
    };
    if others.iter().any(|(best, other)| score_of(*best) + MARGIN > score && !shares(other)) {
        return Resolution { rivalled: true, ..Resolution::default() };
    }
    let anchor_at = group.iter().copied().filter(|at| verdicts.get(*at).is_some_and(|verdict| verdict.matched && verdict.score == score));
    // The finding that says where it is decides which branch is meant.
    let place = anchor_at.filter_map(|at| findings.get(at)).find(|finding| finding.subject.has_door()).or_else(|| findings.get(anchor));
    let members = group.iter().filter_map(|at| {
        let finding = findings.get(*at)?;
        let elsewhere = place.is_some_and(|place| place.subject.is_elsewhere(&finding.subject));
        let standing = match own.get(*at) {
            Some(true) if finding.subject.has_door() => Standing::OwnPlace,
            Some(true) => Standing::Own,
            Some(false) | None => Standing::Listing,
        };
        (!elsewhere).then_some((*at, standing))
    });
    let members: Vec<(usize, Standing)> = members.collect();
    // The business's own word that it is closed ends it; a list's does where the business says nothing itself.
    let says_more = members.iter().map(|(_, standing)| *standing).max().unwrap_or(Standing::Listing);
    let speaking = members.iter().filter(|(_, standing)| *standing >= says_more.min(Standing::Own));
    if speaking.filter_map(|(at, _)| findings.get(*at)).any(|finding| finding.is_closed) {
        return Resolution { closed: true, ..Resolution::default() };
    }
    Resolution { members, score: Some(score), rivalled: false, closed: false }
}

/// The findings by business, each group in order; what joins two may lie in a third.
fn groups(findings: &[Finding]) -> Vec<Vec<usize>> {
    let mut group_of: Vec<usize> = (0..findings.len()).collect();
    for (one, finding) in findings.iter().enumerate() {
        for (other, earlier) in findings.iter().enumerate().take(one) {
            if are_one_business(finding, earlier, other) {
                let (from, to) = (group_of.get(one).copied(), group_of.get(other).copied());
                if let (Some(from), Some(to)) = (from, to) {
                    group_of.iter_mut().filter(|group| **group == from).for_each(|group| *group = to);
                }
            }
        }
    }
    let names: BTreeSet<usize> = group_of.iter().copied().collect();
    names.into_iter().map(|name| (0..findings.len()).filter(|at| group_of.get(*at) == Some(&name)).collect()).collect()
}

fn are_one_business(finding: &Finding, earlier: &Finding, earlier_at: usize) -> bool {
    if finding.named_by == Some(earlier_at) {
        return is_vouched_for(&finding.subject, &earlier.subject);
    }
    let same_host = finding.host().is_some_and(|host| earlier.host().as_ref() == Some(&host));
    let alike = finding.subject.is_same_business(&earlier.subject);
    // Two pages of one site are of one business, unless the site is a list of many.
    (alike || (same_host && finding.subject.name_likeness(&earlier.subject) >= NAME_ALIKE))
        && !finding.subject.is_elsewhere(&earlier.subject)
}

/// Whether a page that a finding gave as its website is about the finding's business. The finding's word for it is enough where
/// the page goes by the same name and nothing else on it says otherwise.
fn is_vouched_for(page: &Subject, finding: &Subject) -> bool {
    let same_name = finding.name_likeness(page) >= NAME_ALIKE;
    page.is_same_business(finding) || (same_name && judge(finding, page).score >= NAME_ALIKE / 2)
}

fn both(findings: &[Finding], one: usize, other: usize) -> Option<(&Finding, &Finding)> {
    Some((findings.get(one)?, findings.get(other)?))
}

/// The findings about the business, as [`merge`](super::merge::business) takes them.
pub fn members(resolution: &Resolution, findings: &[Finding]) -> Vec<(Finding, Standing)> {
    let members = resolution.members.iter();
    members.filter_map(|(at, standing)| Some((findings.get(*at)?.clone(), *standing))).collect()
}
