//! How far a command has come, for people who wait: a bar on standard error, if that is a terminal.

use std::{
    io::{IsTerminal, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Global;

/// So few files are done before anybody asks.
const FEW: usize = 2;

/// What the bar looks like.
const TEMPLATE: &str = "{bar:30} {pos}/{len}  {elapsed}, {eta} left  {wide_msg}";

/// A bar, or nothing.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// For so many files; nothing where nobody looks, or where there is nothing to wait for.
    pub fn new(files: usize, global: &Global) -> Self {
        let is_seen = stderr().is_terminal() && !global.quiet && files >= FEW;
        let target = if is_seen {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(files as u64), target);
        let style = ProgressStyle::with_template(TEMPLATE);
        // The template is a constant that a test reads.
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        if is_seen {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar }
    }

    /// Says what is being worked on.
    pub fn at(&self, name: &str) {
        self.bar.set_message(name.to_owned());
    }

    /// One more is done; `print` prints what there is to say of it, the bar out of the way.
    pub fn done<T>(&self, print: impl FnOnce() -> T) -> T {
        let printed = self.bar.suspend(print);
        self.bar.inc(1);
        printed
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_one() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
