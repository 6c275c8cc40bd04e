//! Does one order of the operations explain everything that clients saw?
