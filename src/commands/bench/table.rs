//! The report as a table.

use std::fmt;

use super::{ClipTime, GradientTime, Report};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; ONNX Runtime {}", self.machine, self.onnxruntime)?;
        writeln!(f, "\ngradient of {}             ms/picture   correlation", self.model)?;
        self.gradients.iter().try_for_each(|gradient| gradient.line(f))?;
        for device in &self.absent {
            writeln!(f, "{:<32} not in this build of ONNX Runtime", device.to_string())?;
        }
        if self.clips.is_empty() {
            return writeln!(f, "\nName a clip to see its frames per second.");
        }
        writeln!(f, "\ngradient on      fps   ms per frame: decode  static  motion    fuse    draw   write")?;
        self.clips.iter().try_for_each(|clip| clip.line(f))
    }
}

impl GradientTime {
    fn line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.candidate.to_string();
        match (self.milliseconds, self.correlation, &self.problem) {
            (Some(took), Some(correlation), _) => {
                let doubt = if self.faithful { "" } else { "   inaccurate: --device auto does not use it" };
                writeln!(f, "{name:<32} {took:>12.1} {correlation:>13.4}{doubt}")
            }
            (_, _, problem) => writeln!(f, "{name:<32} {}", problem.as_deref().unwrap_or("fails")),
        }
    }
}

impl ClipTime {
    fn line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let every = match self.static_every {
            1 => "every frame".to_owned(),
            count => format!("1 of {count}"),
        };
        let stages = &self.stages;
        write!(f, "{every:<12} {:>7.1}               ", self.fps)?;
        for took in [stages.decode, stages.static_, stages.motion, stages.fuse, stages.draw, stages.write] {
            write!(f, "{took:>8.1}")?;
        }
        writeln!(f)
    }
}
