use core::sync::atomic::AtomicUsize;
use core::time::Duration;
use std::time::Instant;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::*;

/// Other tests of the process share helpers with these, so what needs one waits for it so long.
const LIMIT: Duration = Duration::from_secs(60);

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
}

/// A pool with threads to spare: the calls of other tests of the process are counted too, and may be there all the time.
fn roomy() -> ThreadPool {
    pool(64)
}

/// Shares until a helper has come in time, and says how many came at once at most.
fn helpers(threads: usize) -> usize {
    let (start, most) = (Instant::now(), AtomicUsize::new(0));
    while most.load(Ordering::Relaxed) == 0 && start.elapsed() < LIMIT {
        let inside = AtomicUsize::new(0);
        let help = || {
            most.fetch_max(inside.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(1));
            inside.fetch_sub(1, Ordering::Relaxed);
        };
        share(threads, || thread::sleep(Duration::from_millis(2)), &help);
    }
    most.into_inner()
}

#[test]
fn work_stays_on_the_thread_of_the_call() {
    let here = thread::current().id();
    assert_eq!(together(3, || thread::current().id()), here);
    let place = Mutex::new(None);
    share(3, || *lock(&place) = Some(thread::current().id()), &|| ());
    assert_eq!(place.into_inner().unwrap(), Some(here));
}

#[test]
fn helpers_come_and_no_more_than_are_wanted() {
    for threads in [2, 3] {
        let found = roomy().install(|| together(threads, || helpers(threads)));
        assert!((1..threads).contains(&found), "{found} of {threads}");
    }
    // From outside of a region too; a pool of one thread has no helpers.
    assert!(roomy().install(|| helpers(2)) == 1);
    let alone = || (0..100).for_each(|_| share(2, || (), &|| panic!("a helper of nobody")));
    pool(1).install(alone);
}

#[test]
fn helpers_that_left_for_want_of_work_are_asked_back() {
    roomy().install(|| {
        together(2, || {
            assert_eq!(helpers(2), 1);
            thread::sleep(Duration::from_millis(50));
            assert_eq!(helpers(2), 1);
        });
    });
}

#[test]
fn work_is_together_from_its_beginning_to_its_end_and_alone_in_pieces() {
    let inside = || (together(1, is_together), together(3, is_together), is_together());
    let all = || (is_together(), together(3, inside), together(1, is_together), is_together());
    assert_eq!(pool(3).install(all), (false, (true, true, true), false, false));
    let own = AtomicBool::new(false);
    let in_piece = || is_in_piece() && !is_together() && together(2, is_in_piece);
    share(2, || own.store(in_piece(), Ordering::Relaxed), &|| assert!(in_piece()));
    assert!(own.into_inner() && !is_in_piece());
}

/// A piece that shares does all of it itself.
#[test]
fn pieces_ask_nobody() {
    let here = |work: &AtomicUsize| {
        let id = thread::current().id();
        let own = || {
            work.fetch_add(usize::from(thread::current().id() == id), Ordering::Relaxed);
        };
        share(8, own, &|| panic!("a helper of a piece"));
    };
    let (done, helped) = (AtomicUsize::new(0), AtomicUsize::new(0));
    pool(8).install(|| {
        share(8, || (0..100).for_each(|_| here(&done)), &|| {
            here(&done);
            helped.fetch_add(1, Ordering::Relaxed);
        });
    });
    assert_eq!(done.into_inner(), 100 + helped.into_inner());
}

#[test]
fn a_panic_of_either_side_comes_out_and_ends_the_waiting() {
    let caught = |work: &dyn Fn()| catch_unwind(AssertUnwindSafe(work)).is_err();
    roomy().install(|| {
        assert!(caught(&|| together(3, || panic!("between pieces"))));
        assert!(caught(&|| share(3, || panic!("own"), &|| ())));
        let start = Instant::now();
        let theirs = || {
            while start.elapsed() < LIMIT {
                share(3, || thread::sleep(Duration::from_millis(1)), &|| panic!("theirs"));
            }
        };
        assert!(caught(&theirs) && start.elapsed() < LIMIT);
        assert!(!is_together() && !is_in_piece());
        // The helpers are still there, and what was thrown is gone.
        assert!(helpers(3) > 0);
    });
}

/// However many calls there are, none waits for another.
#[test]
fn many_calls_at_once_come_to_an_end_with_every_piece_done_once() {
    for threads in [2, 3, 8] {
        let pool = pool(threads);
        thread::scope(|scope| {
            for _ in 0..2 * threads {
                scope.spawn(|| {
                    for round in 0..100 {
                        let (next, sum) = (AtomicUsize::new(0), AtomicUsize::new(0));
                        let work = || {
                            while let Some(n) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&n| n < 50)
                            {
                                sum.fetch_add(n + round, Ordering::Relaxed);
                            }
                        };
                        pool.install(|| together(threads, || share(threads, work, &work)));
                        assert_eq!(sum.into_inner(), 49 * 25 + 50 * round);
                    }
                });
            }
        });
    }
}

/// Calls that are at work count as threads, and so do helpers.
#[test]
fn a_call_gets_the_help_that_others_leave() {
    let desk: &Desk = Box::leak(Box::default());
    let team = |calls, serving| Team {
        open: vec![desk; calls],
        unused: Vec::new(),
        started: 0,
        serving,
        others: 0,
        asleep: 0,
        may_start: false,
    };
    desk.wanted.store(3, Ordering::Relaxed);
    desk.most.store(4, Ordering::Relaxed);
    for (calls, serving, free) in
        [(1, 0, 3), (1, 2, 1), (2, 0, 2), (3, 0, 1), (3, 1, 0), (4, 0, 0), (5, 3, 0)]
    {
        assert_eq!(team(calls, serving).seats_for(desk), free, "{calls} calls, {serving} helpers");
    }
    desk.helpers.store(2, Ordering::Relaxed);
    assert_eq!(team(1, 0).seats_for(desk), 1);
    desk.helpers.store(0, Ordering::Relaxed);
    assert_eq!(Team { others: 2, ..team(1, 0) }.seats_for(desk), 1, "threads that do something else");
}
