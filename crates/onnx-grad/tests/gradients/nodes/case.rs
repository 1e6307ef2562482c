//! A node test of the ONNX package, as a model of one of its inputs.

use std::path::Path;

use onnx_grad::onnx::{AttributeProto as A, DataType, GraphProto, ModelProto, TensorProto, ValueInfoProto};
use prost::Message;

use crate::common::node;

/// A model with its published inputs.
pub struct Case {
    model: ModelProto,
    inputs: Vec<Option<TensorProto>>,
}

/// A case in which one input is free and the others are constants.
#[derive(Clone)]
pub struct FreeInput<'a> {
    case: &'a Case,
    index: usize,
    /// The published values.
    pub values: Vec<f64>,
}

impl Case {
    /// Reads the folder of a test. `None` if it has no model, or if none of its data are there.
    pub fn read(folder: &Path) -> Option<Self> {
        let model = ModelProto::decode(std::fs::read(folder.join("model.onnx")).ok()?.as_slice()).ok()?;
        let count = model.graph.as_ref()?.input.len();
        let read = |index| {
            let bytes = std::fs::read(folder.join(format!("test_data_set_0/input_{index}.pb"))).ok()?;
            let tensor = TensorProto::decode(bytes.as_slice()).ok()?;
            (tensor.data_type() != 0).then_some(tensor)
        };
        let inputs = (0..count).map(read).collect();
        Some(Self { model, inputs })
    }

    /// The same at opset 21, if it is for the one after it, which let many operators take more types.
    fn with_fewer_types(&self) -> Option<Self> {
        let mut model = self.model.clone();
        let opset = model.opset_import.iter_mut().find(|opset| opset.domain().is_empty() && opset.version() == 22)?;
        opset.version = Some(21);
        Some(Self { model, inputs: self.inputs.clone() })
    }

    fn graph(&self) -> &GraphProto {
        self.model.graph.as_ref().expect("a graph")
    }

    /// The operator, if the graph is one node.
    pub fn operator(&self) -> Option<String> {
        match self.graph().node.as_slice() {
            [node] if node.is_standard() => Some(node.op_type().into()),
            [node] => Some(format!("{}.{}", node.domain(), node.op_type())),
            _ => None,
        }
    }

    /// The floating-point inputs that are not empty, one by one, if there are floating-point results. Empty if another
    /// input is not a tensor.
    pub fn free_inputs(&self) -> Vec<FreeInput<'_>> {
        if !self
            .graph()
            .input
            .iter()
            .zip(&self.inputs)
            .all(|(input, value)| value.is_some() == input.tensor().is_some())
        {
            return Vec::new();
        }
        let free = |index: usize| {
            let value = self.inputs[index].as_ref().filter(|value| value.dtype().is_float())?;
            let values = value.reals().ok().filter(|values| !values.is_empty())?;
            let input = FreeInput { case: self, index, values };
            (!input.outputs().is_empty()).then_some(input)
        };
        (0..self.inputs.len()).filter_map(free).collect()
    }
}

/// A name that no published model has.
fn own(name: &str) -> String {
    format!("wrapper/{name}")
}

impl<'a> FreeInput<'a> {
    /// The same case with fewer types, if there is one; see [`Case::with_fewer_types`].
    pub fn with_fewer_types(&self) -> Option<Case> {
        self.case.with_fewer_types()
    }

    /// The same input of another form of the case.
    pub fn of(&self, case: &'a Case) -> Self {
        Self { case, ..self.clone() }
    }

    fn tensor(&self) -> &TensorProto {
        self.case.inputs[self.index].as_ref().expect("a tensor")
    }

    pub fn name(&self) -> &str {
        self.case.graph().input[self.index].name()
    }

    /// The type in which the model takes the input: double precision only if the input has it.
    pub fn dtype(&self) -> DataType {
        if self.tensor().dtype() == DataType::Double { DataType::Double } else { DataType::Float }
    }

    pub fn shape(&self) -> Vec<usize> {
        self.tensor().shape().expect("a shape")
    }

    /// The names of the outputs that are tensors of floating-point numbers.
    fn outputs(&self) -> Vec<&str> {
        let is_float = |output: &&ValueInfoProto| output.tensor().is_some_and(|(dtype, _)| dtype.is_float());
        self.case.graph().output.iter().filter(is_float).map(ValueInfoProto::name).collect()
    }

    /// The coarsest relative rounding of the input and the results.
    pub fn rounding(&self) -> f64 {
        let outputs = self.case.graph().output.iter().filter_map(|output| Some(output.tensor()?.0));
        let rounding = |dtype| match dtype {
            DataType::Bfloat16 => 2f64.powi(-8),
            DataType::Float16 => 2f64.powi(-11),
            _ => 2f64.powi(-24),
        };
        outputs.chain([self.tensor().dtype()]).map(rounding).fold(0.0, f64::max)
    }

    /// `x` as the operator gets it.
    pub fn rounded(&self, x: f64) -> f64 {
        match self.tensor().dtype() {
            DataType::Bfloat16 => half::bf16::from_f64(x).to_f64(),
            DataType::Float16 => half::f16::from_f64(x).to_f64(),
            DataType::Float => f64::from(x as f32),
            _ => x,
        }
    }

    /// The model without graph inputs and outputs: the other inputs are constants.
    fn inner(&self) -> ModelProto {
        let mut model = self.case.model.clone();
        let graph = model.graph.as_mut().expect("a graph");
        let names: Vec<String> = graph.input.drain(..).map(|input| input.name().to_owned()).collect();
        let others = names.iter().zip(&self.case.inputs).enumerate().filter(|(index, _)| *index != self.index);
        let constants =
            others.filter_map(|(_, (name, value))| Some(TensorProto { name: Some(name.clone()), ..value.clone()? }));
        graph.initializer.extend(constants);
        graph.output.clear();
        graph.value_info.clear();
        model
    }

    /// The model as a function of the free input, which is called `wrapper/x`. Its results are in double precision.
    pub fn forward(&self) -> ModelProto {
        let mut model = self.inner();
        let graph = model.graph.as_mut().expect("a graph");
        let to = |dtype: DataType| vec![A::int("to", dtype as i64)];
        graph.node.insert(0, node("Cast", &[&own("x")], self.name(), to(self.tensor().dtype())));
        graph.input.push(ValueInfoProto::fixed(&own("x"), self.dtype(), &self.shape()));
        for name in self.outputs() {
            let result = own(name);
            graph.node.push(node("Cast", &[name], &result, to(DataType::Double)));
            graph.output.push(ValueInfoProto::named(result));
        }
        model
    }

    /// The shape of the image of [`FreeInput::classifier`]. It may have up to two elements too many.
    pub fn image(&self) -> [usize; 4] {
        let each = self.values.len().div_ceil(3);
        let height = each.div_ceil(4096);
        [1, 3, height, each.div_ceil(height)]
    }

    /// A classifier of two classes whose image holds the free input. `weights` has the weight of each element of each
    /// result, once for each class.
    pub fn classifier(&self, weights: &[[Vec<f64>; 2]]) -> ModelProto {
        let mut model = self.inner();
        let graph = model.graph.as_mut().expect("a graph");
        let mut constants = vec![
            TensorProto::from_integers(&own("flat"), &[1], &[-1]),
            TensorProto::from_integers(&own("row"), &[2], &[1, -1]),
            TensorProto::from_integers(
                &own("places"),
                &[self.values.len()],
                &(0..self.values.len() as i64).collect::<Vec<_>>(),
            ),
            TensorProto::from_integers(&own("shape"), &[self.shape().len()], &self.tensor().dims),
        ];
        let to = |dtype: DataType| vec![A::int("to", dtype as i64)];
        let before = vec![
            node("Reshape", &[&own("image"), &own("flat")], &own("all"), vec![]),
            node("Gather", &[&own("all"), &own("places")], &own("used"), vec![]),
            node("Reshape", &[&own("used"), &own("shape")], &own("x"), vec![]),
            node("Cast", &[&own("x")], self.name(), to(self.tensor().dtype())),
        ];
        graph.node.splice(0..0, before);
        let mut parts = Vec::new();
        for (name, weights) in self.outputs().into_iter().zip(weights) {
            let [cast, row, matrix, part] =
                ["cast", "row", "weights", "part"].map(|what| own(&format!("{what}/{name}")));
            let both: Vec<f64> = weights[0].iter().zip(&weights[1]).flat_map(|(a, b)| [*a, *b]).collect();
            constants.push(TensorProto::from_reals(&matrix, self.dtype(), &[weights[0].len(), 2], &both));
            graph.node.push(node("Cast", &[name], &cast, to(self.dtype())));
            graph.node.push(node("Reshape", &[&cast, &own("row")], &row, vec![]));
            graph.node.push(node("MatMul", &[&row, &matrix], &part, vec![]));
            parts.push(part);
        }
        graph.node.push(node("Sum", &parts.iter().map(String::as_str).collect::<Vec<_>>(), &own("scores"), vec![]));
        graph.initializer.extend(constants);
        graph.input.push(ValueInfoProto::fixed(&own("image"), self.dtype(), &self.image()));
        graph.output.push(ValueInfoProto::named(own("scores")));
        model
    }
}
