//! The passes as text, before and after.

use crate::Network;
use crate::testing::{FileBuilder, student};

fn before_and_after(file: &FileBuilder) -> String {
    let network = Network::new(&file.model()).unwrap();
    format!("before\n{}\nafter\n{}", network.graph_before_passes(), network.graph())
}

#[test]
fn test_student_passes() {
    insta::assert_snapshot!(before_and_after(&student(1, [16, 24, 48, 64])));
}

#[test]
fn test_what_must_not_fuse() {
    let mut file = FileBuilder::new(2);
    let a = file.conv("image", "a", [3, 8], 3, 1);
    // Read twice, and an output: the activation keeps a node of its own.
    let r = file.plain("relu", &[&a], "r");
    file.plain("add", &[&a, &r], "s");
    // A normalization after an activation does not fold backwards.
    file.batch_norm(&r, 8);
    // Nobody reads this one.
    file.conv(&r, "dead", [8, 8], 1, 1);
    // Subsampling fuses, a real maximum does not.
    let b = file.conv(&r, "b", [8, 8], 3, 1);
    file.pool(&b, "b2", 1, 2, 0);
    file.pool(&r, "m", 2, 2, 0);
    file.outputs = ["a", "s", "r.bn", "b2", "m"].map(str::to_owned).to_vec();
    insta::assert_snapshot!(before_and_after(&file));
}
