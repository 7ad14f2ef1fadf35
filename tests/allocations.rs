//! Once a workspace is made and a first step is done, neither inference nor training allocates.
//!
//! Work on one thread is counted on that thread, work on several on all of them; so this binary holds a single test.

#![expect(unsafe_code, reason = "an allocator that counts cannot be written without")]

#[path = "common/layers.rs"]
mod all_layers;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use taper::layers::{Backward, Forward, GradientSink, Window};
use taper::losses::{
    BinaryCrossEntropy, BinaryFocal, CategoricalFocal, CategoricalHinge, CosineSimilarity, CrossEntropy,
    Huber, KlDivergence, LogCosh, MeanAbsoluteError, MeanSquaredError, Poisson,
};
use taper::optimizers::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Asgd, Clip, Lion, NAdam, RAdam, RmsProp, Rprop, Rule, Sgd,
    WeightDecay,
};
use taper::schedules::Cosine;
use taper::sequential::{Quantization, WorkspacePool};
use taper::train::Precision;
use taper::{
    GradientStore, Layer, Loss, Mode, Optimizer, Parallelism, Scalar, Sequential, Shape, Target, Tensor,
    TensorView, TensorViewMut, Trainer, seeded,
};

struct Counting;

/// On all threads.
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// On this thread. Needs neither memory of its own nor a destructor, so an allocator may use it.
    static OWN_ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
    OWN_ALLOCATIONS.set(OWN_ALLOCATIONS.get() + 1);
}

// SAFETY: every call is passed on to the system's allocator as it came, and its answer passed back.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps to the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps to the contract of `alloc_zeroed`, which is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the pointer came from the system's allocator, for every block of this one does.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from the system's allocator, for every block of this one does.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates on the calling thread.
fn allocations(work: impl FnOnce()) -> usize {
    let before = OWN_ALLOCATIONS.get();
    work();
    OWN_ALLOCATIONS.get() - before
}

/// How often all threads allocate during `work`.
#[cfg(feature = "rayon")]
fn all_allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.load(Ordering::SeqCst);
    work();
    ALLOCATIONS.load(Ordering::SeqCst) - before
}

const CAPACITY: usize = 5;
const BATCHES: [usize; 4] = [CAPACITY, 3, 1, CAPACITY];
const CLASSES: usize = 3;

fn inputs<T: Scalar>(batch: usize, width: usize) -> Tensor<T> {
    Tensor::from_fn([batch, width], |i| T::of((i % 11) as f64 / 11.0 - 0.4)).unwrap()
}

fn labels(batch: usize) -> Vec<usize> {
    (0..batch).map(|sample| sample % CLASSES).collect()
}

/// Makes words of so many of the inputs.
#[derive(Debug, Clone)]
struct Words(usize);

impl<T: Scalar> Layer<T> for Words {
    fn kind(&self) -> &'static str {
        "words"
    }

    fn output_shape(&self, input: &Shape) -> taper::Result<Shape> {
        Ok(*input)
    }

    fn forward(
        &self,
        x: TensorView<'_, T>,
        mut y: TensorViewMut<'_, T>,
        _: &mut Forward<'_, T>,
    ) -> taper::Result<()> {
        for (y, x) in y.as_mut_slice().iter_mut().zip(x.as_slice()) {
            *y = (x.abs() * T::of(self.0 as f64)).floor();
        }
        Ok(())
    }

    fn backward(&mut self, pass: Backward<'_, T>, _: &mut dyn GradientSink<T>) -> taper::Result<()> {
        if let Some(mut dx) = pass.dx {
            dx.as_mut_slice().fill(T::zero());
        }
        Ok(())
    }
}

/// Models of 6 → 3: every layer, and layers of a model that work together.
fn models<T: Scalar>() -> Vec<(String, Sequential<T>)> {
    let (rng, input) = (&mut seeded(1), || Sequential::<T>::builder([6]));
    let inner = Sequential::builder([7]).relu().dense(4).dropout(0.5).gelu().build(rng).unwrap();
    let mut models = vec![
        ("dense".to_owned(), input().dense(33).dense(CLASSES)),
        ("without bias".to_owned(), input().dense(17).without_bias().dense(CLASSES)),
        ("dropout".to_owned(), input().dropout(0.2).dense(5).relu().dropout(0.5).dense(CLASSES)),
        ("softmax".to_owned(), input().dense(5).softmax().dense(CLASSES).log_softmax()),
        ("reshape".to_owned(), input().reshape([2, 3]).flatten().dense(4).reshape([2, 2]).flatten().dense(3)),
        (
            "convolutions".to_owned(),
            input()
                .reshape([3, 2, 1])
                .conv2d(18, [2, 1])
                .relu()
                .conv2d(4, Window::new(2).with_padding(1).with_stride(2))
                .groups(2)
                .silu()
                .conv2d(5, 1)
                .flatten()
                .dense(CLASSES),
        ),
        ("nested".to_owned(), input().dense(7).layer(inner).dense(CLASSES)),
    ];
    for (name, model) in all_layers::layers::<T>(6) {
        let builder = match model.vocabulary() {
            Some(words) => input().layer(Words(words)),
            None => input().dense(model.input().len()).reshape(model.input()),
        };
        models.push((name, builder.layer(model).flatten().dense(CLASSES)));
    }
    for activation in all_layers::ACTIVATIONS {
        models
            .push((format!("fused {activation:?}"), input().dense(8).activation(activation).dense(CLASSES)));
    }
    models.into_iter().map(|(name, builder)| (name, builder.build(rng).unwrap())).collect()
}

fn rules<T: Scalar>() -> Vec<Box<dyn Fn() -> Optimizer<T>>> {
    fn rule<T: Scalar>(rule: impl Rule<T> + Clone + 'static) -> Box<dyn Fn() -> Optimizer<T>> {
        Box::new(move || Optimizer::new(rule.clone()).with_clip(Clip::GlobalNorm(1.0)).unwrap())
    }
    vec![
        rule(Sgd::new(0.01).unwrap()),
        rule(Sgd::new(0.01).unwrap().with_momentum(0.9).unwrap().with_nesterov().unwrap()),
        rule(Adam::new(0.01).unwrap().with_weight_decay(WeightDecay::Coupled(0.01)).unwrap()),
        rule(AdamW::new(0.01).unwrap()),
        rule(RmsProp::new(0.01).unwrap().centered()),
        rule(Adagrad::new(0.01).unwrap()),
        rule(Lion::new(0.01).unwrap()),
        rule(AdamW::new(0.01).unwrap().with_amsgrad()),
        rule(NAdam::new(0.01).unwrap()),
        rule(RAdam::new(0.01).unwrap().with_betas(0.9, 0.8).unwrap()),
        rule(Adamax::new(0.01).unwrap()),
        rule(Adadelta::new(1.0).unwrap()),
        rule(Rprop::new(0.01).unwrap()),
        rule(Asgd::new(0.01).unwrap().with_start(0.0).unwrap()),
    ]
}

fn infer<T: Scalar>(model: &Sequential<T>, x: &Tensor<T>, workspace: &mut taper::Workspace<T>) {
    assert_eq!(model.infer(x, workspace).unwrap().batch(), x.view().batch());
}

fn inference<T: Scalar>(parallelism: Parallelism) {
    for (name, model) in models::<T>() {
        for mode in [Mode::Infer, Mode::Train] {
            let mut workspace = model.workspace(mode, CAPACITY).unwrap().with_parallelism(parallelism);
            for batch in BATCHES {
                let x = inputs::<T>(batch, 6);
                let count = allocations(|| infer(&model, &x, &mut workspace));
                assert_eq!(count, 0, "infer of {name}, {}, {mode:?}, batch {batch}", T::NAME);
            }
        }
    }
}

/// Workspaces that are there already, in batches too, and for a model that took the place of another.
/// Of 8-bit weights, with ranges of each sample and with ranges that are known before.
fn quantized(parallelism: Parallelism) {
    let images = Tensor::from_fn([8, 9, 9, 4], |i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0).unwrap();
    let model = Sequential::<f32>::builder([9, 9, 4])
        .conv2d(33, Window::new(3).with_padding(1))
        .relu()
        .conv2d(8, 1)
        .flatten()
        .dense(70)
        .gelu()
        .dense(5)
        .build(&mut seeded(1))
        .unwrap();
    for quantization in [Quantization::int8(), Quantization::int8().calibrated(&images)] {
        let model = model.quantized(&quantization).unwrap();
        let mut workspace = model.workspace(Mode::Infer, 8).unwrap().with_parallelism(parallelism);
        for batch in [8, 1, 3] {
            let x =
                Tensor::from_vec([batch, 9, 9, 4], images.as_slice()[..batch * 9 * 9 * 4].to_vec()).unwrap();
            let count = allocations(|| infer(&model, &x, &mut workspace));
            assert_eq!(count, 0, "{quantization:?}, batch {batch}");
        }
    }
}

fn pool_of_workspaces() {
    let (old, new) = (models::<f32>().remove(0).1, models::<f32>().remove(0).1);
    let pool = WorkspacePool::new(&old, CAPACITY, 2).unwrap();
    let mut outputs = Tensor::zeros([2 * CAPACITY + 1, CLASSES]).unwrap();
    let x = inputs::<f32>(2 * CAPACITY + 1, 6);
    for model in [&old, &new, &old] {
        assert_eq!(allocations(|| pool.infer(model, &x, &mut outputs).unwrap()), 0);
    }
}

/// A training step written by hand.
struct Hand<T: Scalar> {
    model: Sequential<T>,
    workspace: taper::Workspace<T>,
    gradients: GradientStore<T>,
    optimizer: Optimizer<T>,
}

impl<T: Scalar> Hand<T> {
    fn new(
        mut model: Sequential<T>,
        batch: usize,
        optimizer: Optimizer<T>,
        parallelism: Parallelism,
    ) -> Self {
        let workspace = model.workspace(Mode::Train, batch).unwrap().with_parallelism(parallelism);
        let gradients = GradientStore::new(&mut model).with_parallelism(parallelism);
        Self { model, workspace, gradients, optimizer }
    }

    fn step(&mut self, x: &Tensor<T>, loss: &dyn Loss<T>, target: Target<'_, T>) {
        self.model.forward_pass(x, &mut self.workspace).unwrap();
        self.workspace.loss(loss, target).unwrap();
        self.model.backward_pass(x, &mut self.workspace, &mut self.gradients).unwrap();
        self.optimizer.step(&mut self.model, &mut self.gradients).unwrap();
    }
}

fn training<T: Scalar>(parallelism: Parallelism) {
    let cross_entropy = CrossEntropy::new().with_label_smoothing(0.1).unwrap();
    let mut cases: Vec<_> =
        models::<T>().into_iter().map(|(name, model)| (name, model, rules()[2]())).collect();
    for optimizer in rules::<T>() {
        let optimizer = optimizer();
        cases.push((optimizer.rule().kind().to_owned(), models().remove(0).1, optimizer));
    }
    for (name, model, optimizer) in cases {
        let mut hand = Hand::new(model, CAPACITY, optimizer, parallelism);
        for (step, batch) in BATCHES.into_iter().enumerate() {
            let (x, labels) = (inputs::<T>(batch, 6), labels(batch));
            let count = allocations(|| hand.step(&x, &cross_entropy, (&labels).into()));
            // The first step makes the optimizer's state.
            assert!(step == 0 || count == 0, "{count} in step {step} of {name}, {}", T::NAME);
        }
    }
    let values: Vec<Box<dyn Loss<T>>> = vec![
        Box::new(cross_entropy),
        Box::new(BinaryCrossEntropy::new().with_positive_weight(&[2.0]).unwrap()),
        Box::new(KlDivergence::new()),
        Box::new(MeanSquaredError::new()),
        Box::new(MeanAbsoluteError::new()),
        Box::new(Huber::new(0.5).unwrap()),
        Box::new(LogCosh::new()),
        Box::new(Poisson::new().with_full()),
        Box::new(BinaryFocal::new()),
        Box::new(CategoricalFocal::new()),
        Box::new(CategoricalHinge::new()),
        Box::new(CosineSimilarity::new()),
    ];
    let mut hand = Hand::new(models().remove(0).1, CAPACITY, rules()[0](), parallelism);
    for loss in values {
        for (step, batch) in BATCHES.into_iter().enumerate() {
            let (x, target) = (inputs::<T>(batch, 6), Tensor::full([batch, CLASSES], T::of(0.3)).unwrap());
            let count = allocations(|| hand.step(&x, &*loss, (&target).into()));
            assert!(step == 0 || count == 0, "{count} in step {step} with {}, {}", loss.kind(), T::NAME);
        }
    }
}

fn trainer<T: Scalar>(parallelism: Parallelism, precision: Precision) {
    for (name, mut model) in models::<T>() {
        let trainer = Trainer::new(&mut model, CrossEntropy::new(), rules()[3]());
        let trainer = trainer.with_schedule(Cosine::new(0.01, 10).unwrap()).with_parallelism(parallelism);
        let trainer = trainer.with_precision(precision).unwrap();
        let mut trainer = trainer.with_moving_average(0.9).unwrap();
        for (step, batch) in BATCHES.into_iter().enumerate() {
            let (x, labels) = (inputs::<T>(batch, 6), labels(batch));
            let count = allocations(|| assert!(trainer.step(&x, &labels).unwrap().is_finite()));
            assert!(step == 0 || count == 0, "{count} in step {step} of a trainer of {name}, {}", T::NAME);
        }
    }
}

/// A layer that several threads share, called from inside of a pool and from outside.
#[cfg(feature = "rayon")]
fn threads() {
    const STEPS: usize = 50;
    let (batch, width, outputs) = (8, 128, 1024);
    let model =
        Sequential::<f32>::builder([width]).dense(outputs).without_bias().build(&mut seeded(1)).unwrap();
    let (x, target) = (inputs::<f32>(batch, width), Tensor::zeros([batch, outputs]).unwrap());
    let loss = MeanSquaredError::new();
    let optimizer = Optimizer::new(Sgd::new(0.01).unwrap());
    let mut workspace = model.workspace(Mode::Infer, batch).unwrap();
    let mut hand = Hand::new(model.clone(), batch, optimizer, Parallelism::Pool);

    for threads in [2, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut work = || {
            infer(&model, &x, &mut workspace);
            hand.step(&x, &loss, (&target).into());
        };
        let count = pool.install(|| {
            (0..10).for_each(|_| work());
            all_allocations(|| (0..STEPS).for_each(|_| work()))
        });
        // A helper makes what it needs when it begins, which may be late; no step does.
        assert!(count < 3 * threads, "{count} in {STEPS} steps inside of a pool of {threads} threads");
    }

    for _ in 0..10 {
        infer(&model, &x, &mut workspace);
        hand.step(&x, &loss, (&target).into());
    }
    // Nor from outside: nothing goes through a queue.
    let count = all_allocations(|| {
        for _ in 0..STEPS {
            infer(&model, &x, &mut workspace);
            hand.step(&x, &loss, (&target).into());
        }
    });
    assert!(count < STEPS / 2, "{count} in {STEPS} steps from outside");
}

#[test]
fn nothing_is_allocated_once_all_is_made() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![0_u8; 100]))), 1, "the counter counts");
    // The first pass of a process finds out what the processor can do.
    models::<f32>()[0].1.predict(&inputs(1, 6)).unwrap();
    for parallelism in [Parallelism::Threads(1), Parallelism::Pool] {
        inference::<f32>(parallelism);
        inference::<f64>(parallelism);
        training::<f32>(parallelism);
        training::<f64>(parallelism);
        quantized(parallelism);
        trainer::<f32>(parallelism, Precision::Full);
        trainer::<f32>(parallelism, Precision::Bf16);
        trainer::<f64>(parallelism, Precision::Full);
    }
    pool_of_workspaces();
    #[cfg(feature = "rayon")]
    threads();
}
