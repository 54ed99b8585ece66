//! The offsets of the pages of a list, whatever the service means by them. Pure.

use std::collections::HashSet;

use crate::id::JobId;
use crate::service::Offsets;

/// The largest number of pages of a list. No project creates so many tasks in a month, and a list that never
/// ends must end.
const MOST: usize = 200;

/// The offsets of the pages so far.
#[derive(Debug)]
pub(super) struct Paging {
    offsets: Offsets,
    /// The size of the first page. A service may use another one than was asked for.
    size: usize,
    offset: usize,
    pages: usize,
    rows: usize,
    known: HashSet<JobId>,
    reading: Option<Reading>,
}

/// The meaning of an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Page,
    Index,
}

impl Paging {
    pub(super) fn new(offsets: Offsets) -> Self {
        let known = HashSet::new();
        Self { offsets, size: 0, offset: 0, pages: 0, rows: 0, known, reading: None }
    }

    /// The offset of the first page.
    pub(super) fn first(&mut self) -> usize {
        self.offset = match self.offsets {
            Offsets::FromOne => 1,
            Offsets::FromZero => 0,
        };
        self.offset
    }

    /// Takes note of a page, and returns the offset of the next one.
    pub(super) fn after<'a>(
        &mut self,
        ids: impl Iterator<Item = Option<&'a JobId>>,
        rows: usize,
        total: Option<usize>,
        limit: usize,
    ) -> Option<usize> {
        let new = ids.filter(|id| id.is_none_or(|id| self.known.insert(id.clone()))).count();
        self.pages += 1;
        self.rows += new;
        let has_more = total.map_or(rows >= limit, |total| self.rows < total);
        if !has_more || self.pages >= MOST {
            return None;
        }
        if self.pages == 1 {
            self.size = rows;
            // An empty first page of a list that is not empty has nothing to go on with.
            let second = match self.offsets {
                Offsets::FromOne => 2,
                Offsets::FromZero => rows,
            };
            return (rows > 0).then(|| self.go_to(second));
        }
        match (self.offsets, self.reading) {
            // The first page shifted by one means an index. A task that was created meanwhile shifts pages
            // by one as well, but they overlap in one row only.
            (Offsets::FromOne, None) if new * 2 < rows => {
                self.reading = Some(Reading::Index);
                Some(self.go_to(1 + self.size))
            }
            // No page has this number, although there are more rows: it is taken for the number of a page.
            (Offsets::FromZero, None) if new == 0 => {
                self.reading = Some(Reading::Page);
                Some(self.go_to(1))
            }
            // A list that does not end says the same again.
            _ if new == 0 => None,
            (offsets, reading) => {
                let default = if offsets == Offsets::FromOne { Reading::Page } else { Reading::Index };
                let reading = *self.reading.insert(reading.unwrap_or(default));
                let step = if reading == Reading::Page { 1 } else { self.size };
                Some(self.go_to(self.offset + step))
            }
        }
    }

    fn go_to(&mut self, offset: usize) -> usize {
        self.offset = offset;
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the offsets that are asked for, and the rows that are found, in a list of `count` rows whose
    /// offsets are read as `reading`.
    fn read(count: usize, offsets: Offsets, reading: Reading, with_total: bool) -> (Vec<usize>, usize) {
        const LIMIT: usize = 50;
        let ids: Vec<JobId> = (0..count).map(|n| JobId::parse(&format!("job-{n}")).unwrap()).collect();
        let start = usize::from(offsets == Offsets::FromOne);
        let mut paging = Paging::new(offsets);
        let (mut asked, mut found) = (Vec::new(), HashSet::new());
        let mut next = Some(paging.first());
        while let Some(offset) = next {
            asked.push(offset);
            let from = match reading {
                Reading::Page => (offset - start) * LIMIT,
                Reading::Index => offset - start,
            };
            let page: Vec<&JobId> = ids.iter().skip(from).take(LIMIT).collect();
            found.extend(page.iter().copied());
            let total = with_total.then_some(count);
            next = paging.after(page.iter().copied().map(Some), page.len(), total, LIMIT);
        }
        (asked, found.len())
    }

    #[test]
    fn every_row_is_found_with_both_meanings_of_the_offset() {
        for count in [0, 1, 49, 50, 51, 52, 99, 100, 101, 120, 150, 151, 499] {
            for offsets in [Offsets::FromOne, Offsets::FromZero] {
                for reading in [Reading::Page, Reading::Index] {
                    let (asked, found) = read(count, offsets, reading, true);
                    assert_eq!(found, count, "{offsets:?} {reading:?} {asked:?}");
                    assert!(
                        asked.len() <= count.div_ceil(50) + 2,
                        "{count} {offsets:?} {reading:?}: {asked:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn without_a_total_a_full_page_leads_to_the_next() {
        for count in [0, 49, 50, 120, 151] {
            assert_eq!(read(count, Offsets::FromOne, Reading::Page, false).1, count);
            assert_eq!(read(count, Offsets::FromZero, Reading::Index, false).1, count);
        }
    }

    #[test]
    fn the_requests_are_few() {
        assert_eq!(read(50, Offsets::FromOne, Reading::Page, true).0, [1]);
        assert_eq!(read(120, Offsets::FromOne, Reading::Page, true).0, [1, 2, 3]);
        assert_eq!(read(120, Offsets::FromOne, Reading::Index, true).0, [1, 2, 51, 101]);
        assert_eq!(read(120, Offsets::FromZero, Reading::Index, true).0, [0, 50, 100]);
    }

    #[test]
    fn a_list_that_ignores_the_offset_or_never_ends_is_given_up() {
        let ids: Vec<JobId> = (0..50).map(|n| JobId::parse(&format!("job-{n}")).unwrap()).collect();
        for offsets in [Offsets::FromOne, Offsets::FromZero] {
            let mut paging = Paging::new(offsets);
            paging.first();
            let mut page = || paging.after(ids.iter().map(Some), 50, Some(1_000_000), 50);
            assert!(std::iter::from_fn(&mut page).count() <= 3, "{offsets:?}");
            // Rows without IDs always count as new.
            let mut paging = Paging::new(offsets);
            paging.first();
            let endless = std::iter::from_fn(|| paging.after([None; 50].into_iter(), 50, None, 50));
            assert!(endless.count() <= MOST, "{offsets:?}");
        }
    }
}
