//! Arrays of `ndarray` become tensors and views, and tensors and views become arrays.

use ndarray::{
    Array, Array0, Array2, Array3, ArrayD, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, IxDyn,
    ShapeBuilder, array, s,
};
use taper::{Tensor, TensorView, TensorViewMut};

/// 0, 1, 2, … in two rows of three.
fn rows() -> Array2<f32> {
    array![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
}

fn error<T>(result: taper::Result<T>) -> String {
    result.map_or_else(|error| error.to_string(), |_| "no error".to_owned())
}

#[test]
fn an_owned_array_is_moved() {
    let array = rows();
    let address = array.as_ptr();
    let tensor = Tensor::try_from(array).unwrap();
    assert_eq!(tensor, Tensor::from([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]));
    assert_eq!(tensor.as_slice().as_ptr(), address);

    let array = ArrayD::try_from(tensor).unwrap();
    assert_eq!(array, rows().into_dyn());
    assert_eq!(array.as_ptr(), address);
}

#[test]
fn an_array_that_lies_otherwise_is_put_into_order() {
    let fortran = Array::from_shape_vec((2, 3).f(), vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]).unwrap();
    assert_eq!(fortran, rows());
    let backwards = rows().slice_move(s![..;-1, ..;-1]);
    for (name, array, expected) in [
        ("Fortran order", fortran, Tensor::from([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])),
        ("transposed", rows().reversed_axes(), Tensor::from([[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]])),
        ("columns", rows().slice_move(s![.., 1..]), Tensor::from([[1.0, 2.0], [4.0, 5.0]])),
        ("first row", rows().slice_move(s![..1, ..]), Tensor::from([[0.0, 1.0, 2.0]])),
        ("last row", rows().slice_move(s![1.., ..]), Tensor::from([[3.0, 4.0, 5.0]])),
        ("no row", rows().slice_move(s![1..1, ..]), Tensor::zeros([0, 3]).unwrap()),
        ("backwards", backwards, Tensor::from([[5.0, 4.0, 3.0], [2.0, 1.0, 0.0]])),
        ("one number", rows().slice_move(s![1..;-1, 2..;-1]), Tensor::from([[5.0]])),
    ] {
        assert_eq!(Tensor::try_from(array).unwrap(), expected, "{name}");
    }
    let scalar = Tensor::try_from(Array0::from_elem((), 7.0)).unwrap();
    assert_eq!((scalar.shape().rank(), scalar.as_slice()), (0, &[7.0][..]));
}

#[test]
fn a_view_borrows() {
    let array = rows();
    let expected = Tensor::from([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]);
    assert_eq!(TensorView::try_from(&array).unwrap(), expected.view());
    assert_eq!(TensorView::try_from(&*array).unwrap(), expected.view());
    let view: ArrayView2<f32> = array.view();
    let tensor = TensorView::try_from(view).unwrap();
    assert_eq!(tensor.as_slice().as_ptr(), array.as_ptr());
    // Rows of a larger array lie one after another.
    assert_eq!(TensorView::try_from(array.slice(s![1.., ..])).unwrap().as_slice(), [3.0, 4.0, 5.0]);
    // The copy that an error asks for.
    let columns = array.slice(s![.., 1..]);
    assert_eq!(TensorView::try_from(&columns.as_standard_layout()).unwrap().as_slice(), [1.0, 2.0, 4.0, 5.0]);

    let back = ArrayViewD::try_from(tensor).unwrap();
    assert_eq!((back.as_ptr(), back.shape()), (array.as_ptr(), &[2, 3][..]));
    assert_eq!(back, array.view().into_dyn());
}

#[test]
fn a_view_that_may_be_changed_changes_the_array() {
    let mut array = rows();
    TensorViewMut::try_from(&mut array).unwrap().as_mut_slice()[0] = 10.0;
    TensorViewMut::try_from(&mut *array).unwrap().as_mut_slice()[1] = 11.0;
    let last: ArrayViewMut2<f32> = array.slice_mut(s![1.., ..]);
    TensorViewMut::try_from(last).unwrap().as_mut_slice()[2] = 15.0;
    let mut tensor = Tensor::try_from(array).unwrap();
    assert_eq!(tensor, Tensor::from([[10.0, 11.0, 2.0], [3.0, 4.0, 15.0]]));
    ArrayViewMutD::try_from(tensor.view_mut()).unwrap()[[1, 0]] = 13.0;
    assert_eq!(tensor, Tensor::from([[10.0, 11.0, 2.0], [13.0, 4.0, 15.0]]));
}

#[test]
fn another_layout_is_an_error_for_a_view() {
    let hint = "a view takes an array in row-major order, which `.as_standard_layout()` makes of any other";
    let mut cube = Array3::<f64>::zeros((2, 3, 4));
    let columns = format!("expected strides [6, 2, 1], got [12, 4, 1]; {hint}");
    assert_eq!(error(TensorView::try_from(cube.slice(s![.., .., ..2]))), columns);
    assert_eq!(error(TensorView::try_from(&cube.slice(s![.., .., ..2]))), columns);
    assert_eq!(error(TensorViewMut::try_from(cube.slice_mut(s![.., .., ..2]))), columns);
    let expected = format!("expected strides [6, 2, 1], got [1, 4, 12]; {hint}");
    let mut transposed = cube.reversed_axes();
    assert_eq!(error(TensorView::try_from(&transposed)), expected);
    assert_eq!(error(TensorView::try_from(&*transposed)), expected);
    assert_eq!(error(TensorViewMut::try_from(&mut transposed)), expected);
    assert_eq!(error(TensorViewMut::try_from(&mut *transposed)), expected);
    let backwards = format!("expected strides [1], got [-1]; {hint}");
    assert_eq!(error(TensorView::try_from(array![1.0, 2.0].slice(s![..;-1]))), backwards);
}

#[test]
fn too_many_axes_are_an_error() {
    let expected = "shape [1, 1, 1, 1, 1, 1, 2]: expected at most 6 axes";
    let mut array = ArrayD::<f32>::zeros(IxDyn(&[1, 1, 1, 1, 1, 1, 2]));
    assert_eq!(error(TensorView::try_from(&array)), expected);
    assert_eq!(error(TensorView::try_from(array.view())), expected);
    assert_eq!(error(TensorViewMut::try_from(&mut array)), expected);
    assert_eq!(error(Tensor::try_from(array)), expected);
}

/// No elements, but axes whose product `ndarray` cannot count.
#[test]
fn an_uncountable_shape_is_an_error() {
    let expected =
        format!("shape [{}, 2, 0]: expected axes whose product is at most `isize::MAX`", usize::MAX);
    let mut tensor = Tensor::<f32>::zeros([usize::MAX, 2, 0]).unwrap();
    assert_eq!(error(ArrayViewD::try_from(tensor.view())), expected);
    assert_eq!(error(ArrayViewMutD::try_from(tensor.view_mut())), expected);
    assert_eq!(error(ArrayD::try_from(tensor)), expected);
}
