// What every drawing with WebGL needs: programs, buffers, colours.

export function programOf(gl, vertex, fragment) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, `#version 300 es\nprecision highp float;\n${source}`);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  const uniforms = {};
  for (let i = 0; i < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); i++) {
    const name = gl.getActiveUniform(program, i).name.replace("[0]", "");
    uniforms[name] = gl.getUniformLocation(program, name);
  }
  return { program, uniforms };
}

// Binds a buffer's columns: each [location, how many numbers].
export function bindColumns(gl, buffer, columns) {
  const stride = 4 * columns.reduce((sum, [, size]) => sum + size, 0);
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  let at = 0;
  for (const [location, size] of columns) {
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, size, gl.FLOAT, false, stride, at);
    at += 4 * size;
  }
}

export function filledBuffer(gl, data, usage) {
  const buffer = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.bufferData(gl.ARRAY_BUFFER, data, usage);
  return buffer;
}

export function setView(gl, uniforms, camera, [width, height], ratio) {
  gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
  gl.uniform2f(uniforms.centre, camera.x, camera.y);
  gl.uniform2f(uniforms.clip, (2 * camera.scale) / width, (2 * camera.scale) / height);
  gl.uniform2f(uniforms.pixel, 2 / (width * ratio), 2 / (height * ratio));
  gl.uniform1f(uniforms.scale, camera.scale * ratio);
}
