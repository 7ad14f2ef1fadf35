//! The functions of `team` without threads: the caller does all work itself.

use core::cell::RefMut;

/// One thread needs no lock.
pub(super) use core::cell::RefCell as Mutex;

pub(super) fn most_threads() -> usize {
    1
}

pub(super) fn is_together() -> bool {
    false
}

pub(super) fn is_in_piece() -> bool {
    false
}

pub(crate) fn together<R>(_threads: usize, work: impl FnOnce() -> R) -> R {
    work()
}

pub(crate) fn at_work<R>(work: impl FnOnce() -> R) -> R {
    work()
}

pub(super) fn share(_threads: usize, own: impl FnOnce(), _help: &dyn Fn()) {
    own();
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> RefMut<'_, T> {
    mutex.borrow_mut()
}
