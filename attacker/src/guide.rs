//! The author's guide, here so that its code is compiled and run as a doctest.
//!
//! Nothing else lives here.
#![doc = include_str!("../TECHNIQUES.md")]
