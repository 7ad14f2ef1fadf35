//! Whether the parameters of a model are those that it was built with.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::layers::{Layer, ParamForm};
use crate::prelude::*;
use crate::{Error, Result, Scalar};

/// What the parameters were like when the model was built, and whether one may have been exchanged since somebody looked.
#[derive(Debug)]
pub(super) struct Forms {
    forms: Arc<[ParamForm]>,
    is_known: AtomicBool,
}

impl Forms {
    /// Of a model that is not built yet.
    pub(super) fn none() -> Self {
        Self { forms: [].into(), is_known: AtomicBool::new(true) }
    }

    /// Those of these layers.
    pub(super) fn of<T: Scalar>(model: &dyn Layer<T>) -> Self {
        let mut forms = Vec::new();
        model.params(&mut |param| forms.push(ParamForm::of(param)));
        Self { forms: forms.into(), is_known: AtomicBool::new(true) }
    }

    /// Somebody gets hold of parameters, and may put others in their place.
    pub(super) fn may_change(&mut self) {
        *self.is_known.get_mut() = false;
    }

    /// Whether they are as they were; looks at them only where that is not known.
    ///
    /// # Errors
    /// [`Error::Shape`] for another parameter in the place of one, [`Error::Length`] where there are more or fewer.
    pub(super) fn check<T: Scalar>(&self, model: &dyn Layer<T>) -> Result<()> {
        if self.is_known.load(Ordering::Relaxed) {
            return Ok(());
        }
        let (mut count, mut result) = (0, Ok(()));
        model.params(&mut |param| {
            if let (Ok(()), Some(form)) = (&result, self.forms.get(count)) {
                result = form.check(param);
            }
            count += 1;
        });
        result?;
        if count != self.forms.len() {
            let what = "parameters of the model".to_owned();
            return Err(Error::Length { what, expected: self.forms.len(), got: count });
        }
        self.is_known.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Clone for Forms {
    fn clone(&self) -> Self {
        let is_known = AtomicBool::new(self.is_known.load(Ordering::Relaxed));
        Self { forms: Arc::clone(&self.forms), is_known }
    }
}
