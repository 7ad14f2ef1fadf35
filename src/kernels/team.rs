//! Threads that help a call with its work.
//!
//! A call does its work on the thread that made it. Where it has a slice to work on in pieces ([`share`]), helpers, threads of
//! this crate, take pieces from the other end until none is left. Then the call waits for the pieces that helpers have begun,
//! and for nothing else; while it waits, it runs nothing. A piece asks for nobody's help and so never waits for another.
//! Hence a call comes to an end if each of its pieces does, whatever locks its caller holds, whatever other threads wait for,
//! and also if no helper ever comes. A pool that steals work cannot promise this: who waits in it may be handed a task that
//! waits for the very lock that its caller holds.
//!
//! To wake a thread takes as long as many a product. Who has several products in a row to share, with other work between them,
//! does all of it [`together`]: helpers that have nothing to do look for work until it is done.

#![expect(unsafe_code, reason = "helpers are handed work that lives on the stack of the call")]

use core::any::Any;
use core::cell::Cell;
use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::{hint, ptr};
use std::panic::{catch_unwind, resume_unwind};
pub(super) use std::sync::Mutex;
use std::sync::{Condvar, MutexGuard, PoisonError};
use std::thread;

/// How often a helper looks for work in vain before it leaves a call: for some 200 µs.
const ROUNDS: usize = 200;

/// How often it looks for another call before it falls asleep.
const ROUNDS_BETWEEN: usize = 50;

/// How often it looks within a round, before it lets other programs have the processor: for about a microsecond.
const PAUSES: usize = 16;

/// How often a call looks whether its helpers are done, before it lets other programs have the processor: for some 50 µs.
const WATCHES: usize = 1000;

/// What helpers do for a call: pieces, until none is left.
type Help<'a> = &'a (dyn Fn() + Sync);

/// What a thread is doing.
#[derive(Clone, Copy)]
enum Place {
    /// Nothing that is shared.
    Alone,
    /// Work that is done together, between the pieces.
    Together(&'static Desk),
    /// A piece.
    Piece,
}

thread_local! {
    static PLACE: Cell<Place> = const { Cell::new(Place::Alone) };
}

/// How many threads a call from here may use: those of the pool that the caller runs in, else those of the global one.
pub(super) fn most_threads() -> usize {
    rayon_core::current_num_threads()
}

/// Whether helpers are awake.
pub(super) fn is_together() -> bool {
    matches!(PLACE.get(), Place::Together(_))
}

/// Whether this thread does a piece, and so stays alone.
pub(super) fn is_in_piece() -> bool {
    matches!(PLACE.get(), Place::Piece)
}

/// Does the work here, while helpers stay awake: so many threads in all, if as many are free. With one, and inside of such work,
/// it is simply done.
pub(crate) fn together<R>(threads: usize, work: impl FnOnce() -> R) -> R {
    if threads < 2 || !matches!(PLACE.get(), Place::Alone) {
        return work();
    }
    let most = most_threads();
    let call = Call(lock(&TEAM).open(threads - 1, most));
    at(Place::Together(call.0), work)
}

/// Does `own` here, which ends when all pieces are taken, and `help` on other threads at the same time; so many threads in all, if
/// as many are free. Each may be called without the other, and neither returns before the pieces that it took are done.
pub(super) fn share(threads: usize, own: impl FnOnce(), help: Help<'_>) {
    match PLACE.get() {
        Place::Piece => own(),
        Place::Together(desk) => desk.share(own, help),
        Place::Alone => together(threads, || share(threads, own, help)),
    }
}

/// Where a call and its helpers meet. Desks are never given back, so a helper that is late touches nothing that is gone.
#[derive(Default)]
#[repr(align(128))]
struct Desk {
    /// The number of the call that is served here; each has another.
    call: AtomicUsize,
    /// How many helpers it wants, how many threads there may be for all calls, how many have come, and how many more may. These
    /// change only under the team's lock.
    wanted: AtomicUsize,
    most: AtomicUsize,
    helpers: AtomicUsize,
    seats: AtomicUsize,
    /// Whether there may be a piece to take.
    is_open: AtomicBool,
    /// Helpers that are at work on pieces.
    inside: AtomicUsize,
    job: Mutex<Job>,
    all_outside: Condvar,
}

#[derive(Default)]
struct Job {
    help: Option<Help<'static>>,
    call: usize,
    /// Whether the call sleeps until all helpers are done.
    is_awaited: bool,
    panic: Option<Box<dyn Any + Send>>,
}

impl Desk {
    fn share(&'static self, own: impl FnOnce(), help: Help<'_>) {
        let has_all = self.helpers.load(Ordering::Relaxed) + self.seats.load(Ordering::Relaxed)
            >= self.wanted.load(Ordering::Relaxed);
        if !has_all && BUSY.load(Ordering::Relaxed) < self.most.load(Ordering::Relaxed) {
            // Some have left for want of work, or were busy elsewhere.
            lock(&TEAM).invite(self);
        }
        // SAFETY: a helper gets hold of it under the lock of the job and counts as inside until it is done with it; `Job::end`
        // takes it away and waits until nobody is inside, before this function returns or unwinds.
        let help = unsafe { core::mem::transmute::<Help<'_>, Help<'static>>(help) };
        *lock(&self.job) =
            Job { help: Some(help), call: self.call.load(Ordering::Relaxed), is_awaited: false, panic: None };
        let shared = Shared(self);
        self.is_open.store(true, Ordering::Release);
        at(Place::Piece, own);
        drop(shared);
        let panic = lock(&self.job).panic.take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Lets no helper begin any more, and waits for those that have.
    fn end(&self) {
        self.is_open.store(false, Ordering::Relaxed);
        lock(&self.job).help = None;
        let is_done = || self.inside.load(Ordering::Acquire) == 0;
        if spin(WATCHES, is_done) || (0..ROUNDS).any(|_| pause(is_done)) {
            return;
        }
        let mut job = lock(&self.job);
        job.is_awaited = true;
        while !is_done() {
            job = self.all_outside.wait(job).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Helps until the call is over, or has had no work for long.
    fn serve(&self, call: usize) {
        let mut left = ROUNDS;
        while left > 0 && self.call.load(Ordering::Acquire) == call {
            if pause(|| self.is_open.load(Ordering::Acquire)) {
                self.help(call);
                left = ROUNDS;
            } else {
                left -= 1;
            }
        }
    }

    fn help(&self, call: usize) {
        let job = lock(&self.job);
        let Some(help) = job.help.filter(|_| job.call == call) else { return };
        self.inside.fetch_add(1, Ordering::Relaxed);
        drop(job);
        let result = catch_unwind(AssertUnwindSafe(help));
        // All pieces are taken.
        self.is_open.store(false, Ordering::Relaxed);
        let mut job = lock(&self.job);
        if let Err(panic) = result {
            job.panic.get_or_insert(panic);
        }
        self.inside.fetch_sub(1, Ordering::Release);
        if job.is_awaited {
            self.all_outside.notify_one();
        }
    }
}

/// Which calls want helpers, and how many of those there are.
struct Team {
    open: Vec<&'static Desk>,
    unused: Vec<&'static Desk>,
    /// Helpers that have been started, of whom so many serve a call and so many are asleep.
    started: usize,
    serving: usize,
    /// Threads that do something else for a call.
    others: usize,
    asleep: usize,
    may_start: bool,
}

static TEAM: Mutex<Team> = Mutex::new(Team {
    open: Vec::new(),
    unused: Vec::new(),
    started: 0,
    serving: 0,
    others: 0,
    asleep: 0,
    may_start: true,
});

/// Wakes helpers up.
static WANTED: Condvar = Condvar::new();

/// The seats that are free at all desks; changes only under the team's lock.
static SEATS: AtomicUsize = AtomicUsize::new(0);

/// The threads that are at work: calls that have something to share, and those that help them. Changes only under the team's lock.
static BUSY: AtomicUsize = AtomicUsize::new(0);

impl Team {
    /// A desk for a call that wants so many helpers, where there may be so many threads for all calls.
    fn open(&mut self, wanted: usize, most: usize) -> &'static Desk {
        let desk: &'static Desk = self.unused.pop().unwrap_or_else(|| Box::leak(Box::default()));
        self.open.push(desk);
        self.unused.reserve(self.open.len());
        self.count();
        desk.wanted.store(wanted, Ordering::Relaxed);
        desk.most.store(most, Ordering::Relaxed);
        desk.helpers.store(0, Ordering::Relaxed);
        self.invite(desk);
        desk
    }

    fn close(&mut self, desk: &'static Desk) {
        let place = self.open.iter().position(|&other| ptr::eq(other, desk)).expect("it was opened");
        self.open.swap_remove(place);
        self.unused.push(desk);
        self.count();
        Self::set_seats(desk, 0);
        desk.call.fetch_add(1, Ordering::Release);
    }

    /// As many helpers as the call lacks, if there may be so many threads: each call that is at work is one, for whoever makes many
    /// calls at once has spread the work already.
    fn invite(&mut self, desk: &'static Desk) {
        let seats = self.seats_for(desk);
        Self::set_seats(desk, seats);
        while self.started < self.serving + seats && self.may_start {
            self.may_start = thread::Builder::new().name("taper".into()).spawn(be_helper).is_ok();
            self.started += usize::from(self.may_start);
        }
        (0..seats.min(self.asleep)).for_each(|_| WANTED.notify_one());
    }

    fn seats_for(&self, desk: &Desk) -> usize {
        let wanted = desk.wanted.load(Ordering::Relaxed);
        let lacks = wanted.saturating_sub(desk.helpers.load(Ordering::Relaxed));
        lacks.min(desk.most.load(Ordering::Relaxed).saturating_sub(self.busy()))
    }

    /// The desk of a call that wants a helper, with the number of the call.
    fn take_seat(&mut self) -> Option<(&'static Desk, usize)> {
        let desk = *self.open.iter().find(|desk| desk.seats.load(Ordering::Relaxed) > 0)?;
        Self::set_seats(desk, desk.seats.load(Ordering::Relaxed) - 1);
        desk.helpers.fetch_add(1, Ordering::Relaxed);
        self.serving += 1;
        self.count();
        Some((desk, desk.call.load(Ordering::Relaxed)))
    }

    fn leave(&mut self, desk: &Desk, call: usize) {
        if desk.call.load(Ordering::Relaxed) == call {
            desk.helpers.fetch_sub(1, Ordering::Relaxed);
        }
        self.serving -= 1;
        self.count();
    }

    fn busy(&self) -> usize {
        self.open.len() + self.serving + self.others
    }

    fn count(&self) {
        BUSY.store(self.busy(), Ordering::Relaxed);
    }

    fn set_seats(desk: &Desk, seats: usize) {
        let before = desk.seats.swap(seats, Ordering::Relaxed);
        SEATS.store(SEATS.load(Ordering::Relaxed) + seats - before, Ordering::Relaxed);
    }
}

/// Does the work of a thread that is no helper: it counts as one at work for as long.
pub(crate) fn at_work<R>(work: impl FnOnce() -> R) -> R {
    struct AtWork;

    impl Drop for AtWork {
        fn drop(&mut self) {
            change(-1);
        }
    }

    fn change(by: isize) {
        let mut team = lock(&TEAM);
        team.others = team.others.checked_add_signed(by).expect("each one that ends has begun");
        team.count();
    }

    change(1);
    let _at_work = AtWork;
    work()
}

/// The life of a helper.
fn be_helper() {
    PLACE.set(Place::Piece);
    loop {
        (0..ROUNDS_BETWEEN).any(|_| pause(|| SEATS.load(Ordering::Relaxed) > 0));
        let mut team = lock(&TEAM);
        let (desk, call) = loop {
            if let Some(found) = team.take_seat() {
                break found;
            }
            team.asleep += 1;
            team = WANTED.wait(team).unwrap_or_else(PoisonError::into_inner);
            team.asleep -= 1;
        };
        drop(team);
        desk.serve(call);
        lock(&TEAM).leave(desk, call);
    }
}

/// Ends the call, also where its work panics.
struct Call(&'static Desk);

impl Drop for Call {
    fn drop(&mut self) {
        lock(&TEAM).close(self.0);
    }
}

/// Ends what is shared, also where this thread's part of it panics.
struct Shared(&'static Desk);

impl Drop for Shared {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Does the work as what it is, and is again what it was before, also after a panic.
fn at<R>(place: Place, work: impl FnOnce() -> R) -> R {
    struct Before(Place);

    impl Drop for Before {
        fn drop(&mut self) {
            PLACE.set(self.0);
        }
    }

    let _before = Before(PLACE.replace(place));
    work()
}

/// No lock is held while anything runs that could panic, but for the splitting of a slice, whose rest is gone then.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks so often, and says whether it has come true.
fn spin(times: usize, is_true: impl Fn() -> bool) -> bool {
    (0..times).any(|_| {
        let found = is_true();
        if !found {
            hint::spin_loop();
        }
        found
    })
}

/// One round of looking, after which other programs may have the processor.
fn pause(is_true: impl Fn() -> bool) -> bool {
    let found = spin(PAUSES, is_true);
    if !found {
        thread::yield_now();
    }
    found
}

#[cfg(test)]
mod tests;
