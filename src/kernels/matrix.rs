//! Row-major matrix products outside of the layers' kernels, by `matrixmultiply`.

/// The sizes of C = A·B: A is m×k, B is k×n, C is m×n.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MatrixProduct {
    pub(crate) m: usize,
    pub(crate) k: usize,
    pub(crate) n: usize,
}

/// C ← A·B, all row-major.
pub(crate) fn matrix_product<T: Gemm>(size: MatrixProduct, a: &[T], b: &[T], c: &mut [T]) {
    let MatrixProduct { m, k, n } = size;
    assert_eq!((a.len(), b.len(), c.len()), (m * k, k * n, m * n), "matrices of other sizes");
    T::gemm(size, a, b, c);
}

/// The product of one number type.
pub trait Gemm: Sized {
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "the trait is sealed and its module private")]
    fn gemm(size: MatrixProduct, a: &[Self], b: &[Self], c: &mut [Self]);
}

macro_rules! gemm {
    ($type:ty, $function:path) => {
        impl Gemm for $type {
            #[expect(private_interfaces, reason = "the trait is sealed and its module private")]
            #[expect(unsafe_code, reason = "matrixmultiply takes raw pointers")]
            fn gemm(MatrixProduct { m, k, n }: MatrixProduct, a: &[Self], b: &[Self], c: &mut [Self]) {
                let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
                let (ks, ns) = (k.cast_signed(), n.cast_signed());
                // SAFETY: `matrix_product` has checked that the slices hold m·k, k·n and m·n elements; the
                // strides are those of row-major matrices, so no element outside of them is touched, and C,
                // borrowed mutably, overlaps neither A nor B.
                unsafe { $function(m, k, n, 1.0, a, ks, 1, b, ns, 1, 0.0, c, ns, 1) }
            }
        }
    };
}
gemm!(f32, matrixmultiply::sgemm);
gemm!(f64, matrixmultiply::dgemm);
