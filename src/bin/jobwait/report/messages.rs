//! Messages for people on standard error.

use indicatif::MultiProgress;

use crate::stream::Stream;

/// Standard error, with the bars above which messages are written.
#[derive(Debug, Clone)]
pub(super) struct Messages {
    pub(super) stderr: Stream,
    pub(super) bars: Option<MultiProgress>,
}

impl Messages {
    pub(super) fn write(&self, text: &str) {
        match &self.bars {
            // The drawing library's own way pads a line to the width of the terminal instead of ending it,
            // which shows when a window is resized or the text is copied.
            Some(bars) => bars.suspend(|| self.stderr.message(text)),
            None => self.stderr.message(text),
        }
    }
}
