# Sourced by scripts that run `pets` with weights of eight bits elsewhere. Sets `place`, where `pets.pixels` and `pets.labels` are the test
# images and their labels, and `model`: what `$model.txt` says of each image is what `$model.safetensors` makes of it here.
# They are made once, with the toolchain of the project, and are there until somebody removes the folder.

place=$PWD/target/small_machine
model=$place/pets-1-int8
[[ -s $model.txt ]] || cargo run --release --example quantized -- --network pets --seeds 1 --save "$place"
