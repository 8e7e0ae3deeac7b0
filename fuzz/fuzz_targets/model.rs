//! Texts as models in TOML: every text is a model or an error, and a model can be written and planned.

#![no_main]

use ckn_rs::model::Model;
use ckn_rs::plan::{Carried, Plan, Shape};
use libfuzzer_sys::fuzz_target;

/// Images of one row, of one column, and of both.
const SHAPES: [Shape; 3] = [
    Shape { height: 1, width: 9, channels: 1 },
    Shape { height: 13, width: 1, channels: 3 },
    Shape { height: 8, width: 11, channels: 2 },
];

fuzz_target!(|text: &str| {
    for ntk in [false, true] {
        let model = match Model::from_toml(text, ntk) {
            Ok(model) => model,
            Err(error) => {
                assert!(error.to_string().len() < 4000);
                continue;
            }
        };
        let written = model.spec().to_toml();
        assert_eq!(Model::from_toml(&written, ntk).as_ref(), Ok(&model), "{written}");
        for shape in SHAPES {
            for carried in Carried::ALL {
                if let Ok(plan) = Plan::new(&model, shape, carried) {
                    assert!(plan.norms_multiply_adds().is_finite());
                    assert!(plan.pair_cost().iter().all(|layer| layer.multiply_adds >= 0.0));
                }
            }
        }
    }
});
