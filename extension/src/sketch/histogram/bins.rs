//! The histogram itself.

use super::extent::Extent;
use super::mass::Mass;
use crate::sketch::{Error, memory};

/// The greatest number of bins that a histogram keeps, 2 to 65535.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MaxBins(u16);

impl MaxBins {
    /// 50 bins: about 700 bytes, within 0.75 % of rank.
    pub const DEFAULT: MaxBins = MaxBins(50);

    /// Checks the range.
    pub fn new(bins: i64) -> Result<Self, Error> {
        match u16::try_from(bins) {
            Ok(bins) if bins >= 2 => Ok(MaxBins(bins)),
            _ => Err(Error::bad_parameter(format!("bins is {bins}, and must be from 2 to 65535"))),
        }
    }

    /// The number itself.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }

    /// How many bins a union of two may have, as long as it is still to be merged.
    pub(super) fn while_open(self) -> usize {
        (2 * self.get()).min(usize::from(u16::MAX))
    }

    /// The number as it is stored.
    pub(super) fn bits(self) -> u16 {
        self.0
    }
}

/// A bin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// The mean of its values.
    pub center: f64,
    /// How many these are.
    pub mass: Mass,
    /// Where they lie.
    pub extent: Extent,
}

impl Bin {
    /// One value.
    #[inline(always)]
    pub fn of(value: f64) -> Self {
        Bin::exact(value, 1)
    }

    /// That many equal values.
    #[inline(always)]
    pub fn exact(value: f64, count: u64) -> Self {
        Bin { center: value, mass: Mass::exact(count), extent: Extent::at(value) }
    }
}

/// Bins in ascending order of their centers, as columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bins {
    /// Of each bin the mean of its values; strictly ascending.
    pub centers: Vec<f64>,
    /// Of each bin its values.
    pub masses: Vec<Mass>,
    /// Of each bin where these lie; of an exact one at its center.
    pub extents: Vec<Extent>,
}

impl Bins {
    /// No bins, and room for that many.
    pub fn with_capacity(bins: usize) -> Self {
        Bins {
            centers: memory::with_capacity(bins),
            masses: memory::with_capacity(bins),
            extents: memory::with_capacity(bins),
        }
    }

    /// How many bins.
    pub fn len(&self) -> usize {
        self.centers.len()
    }

    /// Forgets all bins, and keeps the memory.
    pub fn clear(&mut self) {
        self.centers.clear();
        self.masses.clear();
        self.extents.clear();
    }

    /// Adds a bin behind the others.
    #[inline(always)]
    pub fn push(&mut self, Bin { center, mass, extent }: Bin) {
        memory::push(&mut self.centers, center);
        memory::push(&mut self.masses, mass);
        memory::push(&mut self.extents, extent);
    }

    /// The bins one by one.
    #[inline(always)]
    pub fn iter(&self) -> impl Iterator<Item = Bin> + '_ {
        let columns = self.centers.iter().zip(&self.masses).zip(&self.extents);
        columns.map(|((&center, &mass), &extent)| Bin { center, mass, extent })
    }
}

/// A finished histogram: to be stored, merged, or asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    pub(super) max_bins: MaxBins,
    pub(super) count: u64,
    pub(super) non_finite: u64,
    /// By how much the number of values up to any number may differ from the sum of the counts up to it.
    pub(super) slack: u64,
    /// The least and the greatest value; of no meaning if there is none.
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) bins: Bins,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram::empty(MaxBins::DEFAULT)
    }
}

impl Histogram {
    /// A histogram of no value.
    pub fn empty(max_bins: MaxBins) -> Self {
        Histogram {
            max_bins,
            count: 0,
            non_finite: 0,
            slack: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            bins: Bins::default(),
        }
    }

    /// How many bins it may have.
    pub fn max_bins(&self) -> MaxBins {
        self.max_bins
    }

    /// How many finite values it holds.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many values were NaN or infinite.
    pub fn non_finite(&self) -> u64 {
        self.non_finite
    }

    /// Whether it holds no finite value.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The least value.
    pub fn min(&self) -> Option<f64> {
        (!self.is_empty()).then_some(self.min)
    }

    /// The greatest value.
    pub fn max(&self) -> Option<f64> {
        (!self.is_empty()).then_some(self.max)
    }

    /// The mean: a bin's center is the mean of its values.
    pub fn mean(&self) -> Option<f64> {
        let share = |(&center, mass): (&f64, &Mass)| center * (mass.count() as f64 / self.count as f64);
        let mean: f64 = self.bins.centers.iter().zip(&self.bins.masses).map(share).sum();
        (!self.is_empty()).then(|| mean.clamp(self.min, self.max))
    }

    /// The bins: center and count.
    pub fn bins(&self) -> impl ExactSizeIterator<Item = (f64, u64)> + '_ {
        self.bins.centers.iter().zip(&self.bins.masses).map(|(&center, mass)| (center, mass.count()))
    }

    /// Whether every bin is exact, and with it every answer.
    pub fn is_exact(&self) -> bool {
        self.bins.masses.iter().all(|mass| mass.is_exact())
    }
}
