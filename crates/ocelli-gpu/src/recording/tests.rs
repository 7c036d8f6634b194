//! Recordings by their shape: no adapter takes part.

use ocelli_nn::backend::{DeviceNetwork, Level, Want};
use ocelli_nn::testing::student;
use ocelli_nn::{Error, ImageShape, Network};

use super::{Recording, Returns, Room, Subject};
use crate::shader::{Element, Kernel};
use crate::weights::PackedWeights;

const ROOM: Room = Room { binding: 1 << 27, job: 1 << 28 };

fn record(room: Room, want: Want<'_>) -> Result<Recording, Error> {
    let network = Network::new(&student(1, [8, 8, 8, 8]).model()).unwrap();
    let network = DeviceNetwork::new(&network, 4).unwrap();
    let packed = PackedWeights::new(&network, Element::F32);
    let [picture, half, quarter] =
        [[96, 128], [48, 64], [24, 32]].map(|[height, width]| ImageShape::new(height, width));
    let levels = [(picture, vec![]), (half, vec![]), (quarter, vec![half])];
    let levels = levels.map(|(shape, through)| Level { shape, through });
    let (network, places) = (&network, &packed.places[..]);
    Recording::new(&Subject { network, places, element: Element::F32, picture, levels: &levels, want }, room)
}

const CELLS: Want<'_> = Want::Cells { score: "score", at_least: 0.0, read: &["box"] };

#[test]
fn test_a_picture_is_unpacked_once_and_each_smaller_level_takes_two_passes() {
    let recording = record(ROOM, CELLS).unwrap();
    let count = |kernel: Kernel| recording.calls.iter().filter(|call| call.kernel == kernel).count();
    assert_eq!((count(Kernel::Unpack), count(Kernel::ResizeColumns), count(Kernel::ResizeRows)), (1, 2, 2));
    assert_eq!((count(Kernel::Input), count(Kernel::Select), count(Kernel::Gather)), (3, 3, 3));
    assert_eq!(recording.calls.len(), recording.sizes.len());
    assert_eq!(recording.picture_bytes, 96 * 128 * 3);
    // Cells of stride 8, records of level, row, column, score and four numbers.
    let capacity = 12 * 16 + 6 * 8 + 3 * 4;
    assert_eq!(recording.returns, Returns::Cells { words: 8, capacity });
    assert_eq!(recording.found_bytes, 16 + capacity * 32);
}

#[test]
fn test_a_tight_device_gets_rings_of_rows_and_a_tighter_one_an_error() {
    let whole = record(ROOM, CELLS).unwrap();
    let tight = Room { binding: whole.arena_bytes as u64 * 3 / 4, job: 1 << 28 };
    let rings = record(tight, CELLS).unwrap();
    assert!(rings.arena_bytes as u64 <= tight.binding && rings.calls.len() > whole.calls.len());
    let refused = record(Room { binding: 60_000, job: 1 << 28 }, CELLS);
    assert!(matches!(refused, Err(Error::MemoryLimit { .. })));
    assert!(matches!(record(Room { binding: 1 << 27, job: 100_000 }, CELLS), Err(Error::MemoryLimit { .. })));
}

#[test]
fn test_what_the_network_does_not_have_is_refused_by_name() {
    assert!(matches!(record(ROOM, Want::Outputs(&["scores"])), Err(Error::UnknownOutput { .. })));
    let several = Want::Cells { score: "box", at_least: 0.0, read: &[] };
    assert!(matches!(record(ROOM, several), Err(Error::Unsupported { .. })));
}
