//! Calls from many threads at once come to an end, whatever the callers hold, and give the bits of a call alone.

#![cfg(feature = "rayon")]

use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rayon::prelude::*;
use taper::losses::CrossEntropy;
use taper::optimizers::Sgd;
use taper::sequential::WorkspacePool;
use taper::{Mode, Optimizer, Parallelism, Sequential, Tensor, Trainer, seeded};

/// Far longer than a pass takes, also where other programs need the processors.
const LIMIT: Duration = Duration::from_secs(120);

/// Does the work on a thread of its own, for this one could not tell that it hangs. The work tells of every pass that has come to its end.
fn comes_to_an_end(what: &str, work: impl FnOnce(&(dyn Fn() + Sync)) + Send + 'static) {
    let (passed, passes) = channel();
    let worker = thread::spawn(move || work(&|| passed.send(()).unwrap()));
    loop {
        match passes.recv_timeout(LIMIT) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => panic!("{what}: no pass comes to an end"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    worker.join().unwrap_or_else(|_| panic!("{what}: it panicked"));
}

fn model(inputs: usize, width: usize) -> Sequential<f32> {
    Sequential::builder([inputs]).dense(width).relu().dense(10).build(&mut seeded(7)).unwrap()
}

fn samples(batch: usize, inputs: usize) -> Tensor<f32> {
    Tensor::from_fn([batch, inputs], |i| (i % 13) as f32 / 13.0 - 0.4).unwrap()
}

/// The samples, inputs and width of models whose passes one thread does, two share, and many share; and how many passes to do.
const SIZES: [(usize, usize, usize, usize); 3] = [(1, 20, 30, 1000), (8, 600, 900, 150), (32, 1200, 700, 40)];

/// Every third task holds a lock while it infers, and the others predict: a thread that waits for its share of a product
/// must not be handed a task that waits for the lock which it holds itself.
#[test]
fn tasks_of_a_pool_may_hold_locks() {
    for threads in [2, 3, 4, 8, 16] {
        for (batch, inputs, width, rounds) in SIZES {
            comes_to_an_end(&format!("{threads} threads, width {width}"), move |passed| {
                let (model, x) = (model(inputs, width), samples(batch, inputs));
                let expected = model.predict(&x).unwrap();
                let workspace = Mutex::new(model.workspace(Mode::Infer, batch).unwrap());
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    (0..rounds).into_par_iter().for_each(|round| {
                        if round % 3 == 0 {
                            let mut workspace = workspace.lock().unwrap();
                            assert!(model.infer(&x, &mut workspace).unwrap() == expected.view());
                        } else {
                            assert!(model.predict(&x).unwrap() == expected);
                        }
                        passed();
                    });
                });
            });
        }
    }
}

/// Who holds the lock is no thread of the pool here, and all threads of the pool wait for it.
#[test]
fn a_caller_from_outside_needs_no_thread_of_the_pool() {
    let (batch, inputs, width, _) = SIZES[2];
    comes_to_an_end("a caller from outside", move |passed| {
        let (model, x) = (model(inputs, width), samples(batch, inputs));
        let workspace = Mutex::new(model.workspace(Mode::Infer, batch).unwrap());
        let infer = || {
            let mut workspace = workspace.lock().unwrap();
            model.infer(&x, &mut workspace).unwrap();
            passed();
        };
        thread::scope(|scope| {
            scope.spawn(|| (0..50).into_par_iter().for_each(|_| infer()));
            (0..50).for_each(|_| infer());
        });
    });
}

/// However many threads are asked for, and in training too.
#[test]
fn threads_that_are_asked_for_run_no_task_of_the_caller() {
    let (batch, inputs, width, _) = SIZES[1];
    comes_to_an_end("threads that are asked for", move |passed| {
        let (x, labels) = (samples(batch, inputs), vec![1; batch]);
        let trained = Mutex::new(model(inputs, width));
        let other = model(inputs, width);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        pool.install(|| {
            (0..60).into_par_iter().for_each(|round| {
                if round % 3 > 0 {
                    other.predict(&x).unwrap();
                    passed();
                    return;
                }
                let mut model = trained.lock().unwrap();
                let sgd = Optimizer::new(Sgd::new(1e-3).unwrap());
                let trainer = Trainer::new(&mut model, CrossEntropy::new(), sgd);
                let mut trainer = trainer.with_parallelism(Parallelism::Threads(4));
                trainer.step(&x, &labels).unwrap();
                passed();
            });
        });
    });
}

/// A pool of workspaces waits where all are taken, and what it waits for comes.
#[test]
fn tasks_of_a_pool_may_wait_for_workspaces() {
    let (batch, inputs, width, _) = SIZES[1];
    comes_to_an_end("a pool of workspaces", move |passed| {
        let (model, x) = (model(inputs, width), samples(batch, inputs));
        let expected = model.predict(&x).unwrap();
        let workspaces = WorkspacePool::new(&model, batch, 2).unwrap();
        let lock = Mutex::new(());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
        pool.install(|| {
            (0..200).into_par_iter().for_each(|round| {
                let _guard = (round % 3 == 0).then(|| lock.lock().unwrap());
                let mut outputs = Tensor::zeros([batch, 10]).unwrap();
                workspaces.infer(&model, &x, &mut outputs).unwrap();
                assert!(outputs == expected);
                passed();
            });
        });
        assert!(workspaces.made() <= 2);
    });
}
