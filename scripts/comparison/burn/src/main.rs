//! The same network, with `burn`.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::store::{ModuleSnapshot, PyTorchToBurnAdapter, SafetensorsStore};
use burn::tensor::{Device, Tensor, TensorData, activation};

include!("../../timed.rs");

#[derive(Module, Debug)]
struct Net {
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
}

fn main() {
    let device = Device::flex();
    let layer = |inputs, outputs| LinearConfig::new(inputs, outputs).init(&device);
    let mut net = Net { fc1: layer(12544, 1024), fc2: layer(1024, 512), fc3: layer(512, 3) };
    let mut store = SafetensorsStore::from_file(file()).with_from_adapter(PyTorchToBurnAdapter);
    net.load_from(&mut store).expect("a file of these layers");
    for batch in [1, 32] {
        let x = Tensor::<2>::from_data(TensorData::new(inputs(batch, 12544), [batch, 12544]), &device);
        report(batch, || {
            let x = activation::relu(net.fc1.forward(x.clone()));
            let x = net.fc3.forward(activation::relu(net.fc2.forward(x)));
            activation::softmax(x, 1).into_data().try_to_vec().unwrap()
        });
    }
}
